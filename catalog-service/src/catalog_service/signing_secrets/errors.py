"""Why a signing secret was not replaced."""

import datetime as dt

from cathouse.errors import ServiceError


class RotationTooSoonError(ServiceError):
    """The secret before the last rotation is still valid."""

    code = "rotation_too_soon"
    status = 409
    title = "The last rotation is not over"

    def __init__(self, possible_at: dt.datetime) -> None:
        """``possible_at`` is when the next rotation is possible."""
        moment = possible_at.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        super().__init__(
            f"The secret was replaced less than 24 hours ago, and the one before it is valid until {moment}.",
            possible_at=moment,
        )
