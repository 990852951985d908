"""Why a release was not published."""

from cathouse.errors import ServiceError


class CatChangedMeanwhileError(ServiceError):
    """The release was changed while its endpoint was being challenged."""

    code = "changed_meanwhile"
    status = 409
    title = "The release was changed meanwhile"

    def __init__(self) -> None:
        """The challenge proved another text than the one that stands there now."""
        super().__init__("The release was changed while its endpoint was being checked. Publish it again.")
