"""Why something could not be done with a cat."""

from collections.abc import Sequence

from cathouse.errors import NotFoundError, ServiceError


class CatNotFoundError(NotFoundError):
    """There is no such cat, or the caller may not know of it."""

    title = "There is no such cat"


class SlugTakenError(ServiceError):
    """Another cat has this slug."""

    code = "slug_taken"
    status = 409
    title = "The slug is taken"

    def __init__(self, slug: str) -> None:
        """``slug`` was asked for by the developer."""
        super().__init__(
            f"Another cat is called {slug}. Choose another slug, or leave it out and get one from the name."
        )


class EndpointNotAllowedError(ServiceError):
    """The endpoint's URL breaks a rule."""

    code = "endpoint_not_allowed"
    status = 422
    title = "The endpoint's URL is not acceptable"

    def __init__(self, reason: str) -> None:
        """``reason`` is a sentence for the developer."""
        super().__init__(
            f"endpoint_url: {reason}.",
            errors=[{"location": "body.endpoint_url", "message": reason, "type": "endpoint_not_allowed"}],
        )


class TransitionNotAllowedError(ServiceError):
    """A cat cannot get from where it is to where it was asked to go."""

    code = "transition_not_allowed"
    status = 409
    title = "The cat's state does not allow this"

    def __init__(self, status: str, allowed: Sequence[str]) -> None:
        """``allowed`` are the moves that this caller could make instead."""
        moves = ", ".join(allowed) if allowed else "none"
        super().__init__(f"The cat is {status}. What is possible now: {moves}.", current=status, allowed=list(allowed))


class CatInUseError(ServiceError):
    """Somebody installed the cat once: what they have refers to it."""

    code = "cat_in_use"
    status = 409
    title = "The cat was installed"

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("The cat was installed, perhaps by yourself to try it. Unpublish or deprecate it instead.")
