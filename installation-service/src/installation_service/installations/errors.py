"""Why an installation could not be made, changed or shown."""

from collections.abc import Sequence
from typing import Any

from cathouse.errors import NotFoundError, ServiceError
from cathouse.schema import InstallationStatus


class InstallationNotFoundError(NotFoundError):
    """There is no such installation, or it is somebody else's."""

    title = "There is no such installation"


class InstanceNameTakenError(ServiceError):
    """The player has this cat under this name already."""

    code = "instance_name_taken"
    status = 409
    title = "The name is taken"

    def __init__(self, name: str) -> None:
        """``name`` is what the player asked for."""
        super().__init__(f"You have this cat already under the name {name}. Choose another name.")


class PermissionRequiredError(ServiceError):
    """The cat does not work without permissions that were not granted."""

    code = "permission_required"
    status = 422
    title = "The cat needs a permission"

    def __init__(self, missing: Sequence[str]) -> None:
        """``missing`` are the permissions' types."""
        super().__init__(
            f"The cat does not work without: {', '.join(missing)}. Grant that first.",
            missing=list(missing),
        )


class PermissionNotRequestedError(ServiceError):
    """A grant for something that the cat did not ask for."""

    code = "permission_not_requested"
    status = 422
    title = "The cat did not ask for this"

    def __init__(self, unexpected: Sequence[str]) -> None:
        """``unexpected`` are the permissions' types."""
        super().__init__(f"The cat does not ask for: {', '.join(unexpected)}.", unexpected=list(unexpected))


class SecretRequiredError(ServiceError):
    """The cat does not work without secrets that were not given."""

    code = "secret_required"
    status = 422
    title = "The cat needs a secret"

    def __init__(self, missing: Sequence[str]) -> None:
        """``missing`` are the secrets' names."""
        super().__init__(f"The cat does not work without: {', '.join(missing)}.", missing=list(missing))


class SecretNotDeclaredError(ServiceError):
    """A secret that the release does not declare."""

    code = "secret_not_declared"
    status = 422
    title = "The cat did not ask for this secret"

    def __init__(self, unexpected: Sequence[str]) -> None:
        """``unexpected`` are the secrets' names."""
        super().__init__(
            f"The release declares no secret called: {', '.join(unexpected)}.", unexpected=list(unexpected)
        )


class ConfigInvalidError(ServiceError):
    """The config does not fit the release's schema."""

    code = "config_invalid"
    status = 422
    title = "The config does not fit this cat"

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        """``errors`` are shaped like those of every 422: location, message, type."""
        super().__init__("The config does not fit the cat's schema; see errors.", errors=list(errors))


class UninstalledError(ServiceError):
    """What was uninstalled cannot be changed any more, nor go on."""

    code = "transition_not_allowed"
    status = 409
    title = "The installation's state does not allow this"

    def __init__(self) -> None:
        """Say what is possible instead."""
        super().__init__(
            "The installation is uninstalled, and nothing brings it back. Install the cat again.",
            current=InstallationStatus.UNINSTALLED.value,
            allowed=[],
        )
