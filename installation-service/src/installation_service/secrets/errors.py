"""Why a secret could not be kept or removed."""

from cathouse.errors import NotFoundError, ServiceError


class SecretNotFoundError(NotFoundError):
    """The release that the installation runs declares no such secret."""

    title = "The cat asks for no such secret"


class SecretStillRequiredError(ServiceError):
    """A cat that is active cannot be left without a secret that it requires."""

    code = "secret_required"
    status = 409
    title = "The cat does not work without this secret"

    def __init__(self, name: str) -> None:
        """Say what to do instead."""
        super().__init__(f"The cat requires {name}. Replace it, or pause or uninstall the cat to remove it.")
