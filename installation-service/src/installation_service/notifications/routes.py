"""Notifications over HTTP: for cats, and for players."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from cathouse.identity import CallingCat, CurrentPlayer
from cathouse.web import DEFAULT_LIMIT, Cursor, Ending, GivenMoment, Keyset, Limit, Once, provided, view_of
from installation_service.notifications.schemas import Inbox, NotificationCreation, NotificationView
from installation_service.notifications.server_sent_events import DOCUMENTED, ServerSentEvents
from installation_service.notifications.service import NotificationService
from installation_service.notifications.streams import NotificationStreams, Stream

router = APIRouter()

Notifications = Annotated[NotificationService, provided("notifications")]
Streams = Annotated[NotificationStreams, provided("notification_streams")]


@router.post("/api/v1/cat/notifications", status_code=201, tags=["notifications (for cats)"])
async def send_notification(
    cat: CallingCat, creation: NotificationCreation, notifications: Notifications, once: Once
) -> NotificationView:
    """Tell the player something; at most one a second and a hundred a day."""
    return await once.answer(
        cat.installation_id, lambda: notifications.notify(cat, creation), partial(view_of, NotificationView)
    )


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
    return Inbox(
        items=[view_of(NotificationView, row) for row in rows], next_cursor=next_cursor, unread_count=unread_count
    )


async def _open(
    player: CurrentPlayer, streams: Streams, ending: Annotated[Ending, provided("ending")]
) -> AsyncIterator[Stream]:
    """Left when the answer has come to its end, whichever that is."""
    with streams.open(player.user_id, until=player.expires_at) as stream, ending.told(stream.end):
        yield stream


@router.get(
    "/api/v1/notifications/stream",
    response_class=Response,
    responses=DOCUMENTED,
    tags=["notifications"],
)
async def stream_notifications(
    stream: Annotated[Stream, Depends(_open)],
    streams: Streams,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The last `id` that was received, to miss nothing since."),
    ] = None,
) -> Response:
    """What the caller's cats send, as it comes: Server-Sent Events.

    Each event is a `notification`; its `id` is the notification's, its `data` the notification as the inbox shows it.
    A stream that begins with what is new begins with an `id` without data, the time: no event, a place to come back to.
    A comment comes after 15 s of silence. The stream ends when the access token does, when the service restarts,
    and when the client does not read what it is sent. Then open another one, with a fresh token, and with the last `id`
    as `Last-Event-ID`: it begins with what came since 60 s before that, oldest first (of more than 100 the newest; the
    inbox has the others). So some come a second time: drop the ids that are there already. With an id that is neither a
    time nor one of the caller's notifications it begins with what is new, as without one. At most 10 streams of a
    player may be open: else 429 `too_many_streams`.
    """
    await streams.resume(stream, _place(last_event_id))
    return ServerSentEvents(stream)


@router.post("/api/v1/notifications/read-all", status_code=204, tags=["notifications"])
async def mark_all_notifications_read(player: CurrentPlayer, notifications: Notifications) -> None:
    """Mark the whole inbox as read."""
    await notifications.mark_all_read(player.user_id)


@router.post("/api/v1/notifications/{notification_id}/read", tags=["notifications"])
async def mark_notification_read(
    notification_id: uuid.UUID, player: CurrentPlayer, notifications: Notifications
) -> NotificationView:
    """Mark one notification as read."""
    return view_of(NotificationView, await notifications.mark_read(player.user_id, notification_id))


_PLACE: TypeAdapter[uuid.UUID | dt.datetime] = TypeAdapter(uuid.UUID | GivenMoment)


def _place(text: str | None) -> uuid.UUID | dt.datetime | None:
    """What one of our streams called an id; None for anything else."""
    try:
        return _PLACE.validate_python(text)
    except ValidationError:
        return None
