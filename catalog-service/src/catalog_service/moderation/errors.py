"""Why a cat could not be let go on."""

from cathouse.errors import ServiceError


class DeveloperGoneError(ServiceError):
    """The cat's developer was erased: nobody answers for the cat any more."""

    code = "developer_gone"
    status = 409
    title = "The cat's developer is gone"

    def __init__(self) -> None:
        """Say that it is for good."""
        super().__init__("The cat's developer has left Cat House for good, so the cat stays suspended.")
