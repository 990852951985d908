"""Why a cat could not be installed."""

from cathouse.errors import NotFoundError, ServiceError


class CatNotFoundError(NotFoundError):
    """There is no such cat."""

    title = "There is no such cat"


class CatNotPublishedError(ServiceError):
    """The cat is not, or not any more, in the catalog."""

    code = "cat_not_published"
    status = 409
    title = "The cat cannot be installed"

    def __init__(self) -> None:
        """Drafts, suspended cats, and cats that went back to draft look alike."""
        super().__init__("The cat is not in the catalog at the moment.")


class DraftChangedError(ServiceError):
    """The draft was changed while its endpoint was challenged."""

    code = "cat_changed_meanwhile"
    status = 409
    title = "The cat was changed meanwhile"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The cat was changed while its endpoint was challenged. Install it again.")
