"""Notifications over HTTP: for cats, and for players."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from cathouse.database import AnyRow
from cathouse.identity import CallingCat, CurrentPlayer
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Once, provided
from installation_service.notifications.schemas import Inbox, NotificationCreation, NotificationView
from installation_service.notifications.service import NotificationService

router = APIRouter()

Notifications = Annotated[NotificationService, provided("notifications")]


@router.post("/api/v1/cat/notifications", status_code=201, tags=["notifications (for cats)"])
async def send_notification(
    cat: CallingCat, creation: NotificationCreation, notifications: Notifications, once: Once
) -> NotificationView:
    """Tell the player something; at most one a second and a hundred a day."""
    return await once.answer(cat.installation_id, lambda: notifications.notify(cat, creation), _view)


@router.get("/api/v1/notifications", tags=["notifications"])
async def list_notifications(
    *,
    player: CurrentPlayer,
    notifications: Notifications,
    unread: Annotated[bool, Query(description="Only what was not read yet.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Inbox:
    """The caller's inbox, newest first."""
    keyset = Keyset.read(cursor, limit=limit, filters={"unread": unread}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor, unread_count = await notifications.inbox(player.user_id, unread=unread, keyset=keyset)
    return Inbox(items=[_view(row) for row in rows], next_cursor=next_cursor, unread_count=unread_count)


@router.post("/api/v1/notifications/read-all", status_code=204, tags=["notifications"])
async def mark_all_notifications_read(player: CurrentPlayer, notifications: Notifications) -> None:
    """Mark the whole inbox as read."""
    await notifications.mark_all_read(player.user_id)


@router.post("/api/v1/notifications/{notification_id}/read", tags=["notifications"])
async def mark_notification_read(
    notification_id: uuid.UUID, player: CurrentPlayer, notifications: Notifications
) -> NotificationView:
    """Mark one notification as read."""
    return _view(await notifications.mark_read(player.user_id, notification_id))


def _view(row: AnyRow) -> NotificationView:
    return NotificationView.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
