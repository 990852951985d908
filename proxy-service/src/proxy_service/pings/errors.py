"""Why no ping was sent."""

from cathouse.errors import NotFoundError


class OwnCatNotFoundError(NotFoundError):
    """There is no such cat, or it is somebody else's."""

    title = "You have no such cat"
