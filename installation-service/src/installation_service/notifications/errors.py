"""Why a notification was not taken."""

from cathouse.errors import NotFoundError, ServiceError


class NotificationNotFoundError(NotFoundError):
    """There is no such notification, or it is somebody else's."""

    title = "There is no such notification"


class TooManyNotificationsError(ServiceError):
    """The cat speaks too often."""

    code = "rate_limited"
    status = 429
    title = "Too many notifications"

    def __init__(self, limit: str, retry_after_s: int) -> None:
        """``limit`` in words; ``retry_after_s`` is when it is worth trying again."""
        super().__init__(
            f"A cat may send {limit} for one installation.", headers={"Retry-After": str(max(1, retry_after_s))}
        )
