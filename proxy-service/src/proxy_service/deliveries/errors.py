"""Why nothing was delivered."""

from cathouse.errors import NotFoundError


class ReleaseNotFoundError(NotFoundError):
    """There is no such release."""

    title = "There is no such release"
