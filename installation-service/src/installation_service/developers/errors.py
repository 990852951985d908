"""Why a developer is shown nothing."""

from cathouse.errors import NotFoundError


class OwnCatNotFoundError(NotFoundError):
    """There is no such cat, or it is somebody else's."""

    title = "There is no such cat"
