"""A notification as its player sees it."""

from cathouse.database import AnyRow
from installation_service.notifications.schemas import NotificationView


def notification_view(row: AnyRow) -> NotificationView:
    """Shape a row of the repository."""
    return NotificationView.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
