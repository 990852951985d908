"""Why a notification was not taken."""

from cathouse.errors import NotFoundError, ServiceError
from cathouse.web import Allowance


class NotificationNotFoundError(NotFoundError):
    """There is no such notification, or it is somebody else's."""

    title = "There is no such notification"


class TooManyStreamsError(ServiceError):
    """The player, or everybody together, has as many streams open as there may be."""

    code = "too_many_streams"
    status = 429
    title = "Too many streams are open"

    def __init__(self, detail: str) -> None:
        """``detail`` says whose they are."""
        super().__init__(detail, retry_after_s=10)


class TooManyNotificationsError(ServiceError):
    """The cat speaks too often."""

    code = "rate_limited"
    status = 429
    title = "Too many notifications"

    def __init__(self, allowance: Allowance, window: str) -> None:
        """``allowance`` is how the cat stands with what it may send in a ``window``: a second, a day."""
        super().__init__(
            f"A cat may send {allowance.limit} a {window} for one installation.",
            headers=allowance.headers(),
            retry_after_s=allowance.reset_s,
        )
