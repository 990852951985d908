"""Why a grant could not be changed, or a calling cat may not do something."""

from cathouse.errors import NotFoundError, ServiceError
from cathouse.schema import PermissionType


class PermissionNotFoundError(NotFoundError):
    """The installed release does not ask for this permission."""

    title = "The cat does not ask for this permission"


class RequiredPermissionError(ServiceError):
    """A required permission cannot be taken from a cat that is active."""

    code = "permission_required"
    status = 409
    title = "The cat does not work without this permission"

    def __init__(self, permission: PermissionType) -> None:
        """Say what to do instead."""
        super().__init__(f"The cat requires {permission}. Pause it or uninstall it to take this back.")


class InstallationNotActiveError(ServiceError):
    """The installation is paused, suspended or uninstalled: its cat is nobody here any more, at once."""

    code = "installation_not_active"
    status = 401
    title = "The installation is not active"

    def __init__(self) -> None:
        """The cat is not told which of the three it is."""
        super().__init__(
            "The installation that this token is for is not active.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )


class PermissionNotGrantedError(ServiceError):
    """The player did not allow this, or not any more."""

    code = "permission_not_granted"
    status = 403
    title = "The player did not grant this permission"

    def __init__(self, permission: PermissionType) -> None:
        """``permission`` is what the call needs."""
        super().__init__(f"The player did not grant {permission} to this cat.", permission_type=permission.value)
