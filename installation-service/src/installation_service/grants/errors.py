"""Why a grant could not be changed."""

from cathouse.errors import NotFoundError, ServiceError
from cathouse.schema import PermissionType


class PermissionNotFoundError(NotFoundError):
    """The installed release does not ask for this permission."""

    title = "The cat does not ask for this permission"


class PermissionStillRequiredError(ServiceError):
    """A required permission cannot be taken from a cat that is active."""

    code = "permission_required"
    status = 409
    title = "The cat does not work without this permission"

    def __init__(self, permission: PermissionType) -> None:
        """Say what to do instead."""
        super().__init__(f"The cat requires {permission}. Pause it or uninstall it to take this back.")
