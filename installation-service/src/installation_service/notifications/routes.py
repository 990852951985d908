"""Notifications over HTTP: for cats, and for players."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cathouse.identity import CallingCat, CurrentPlayer
from cathouse.web import DEFAULT_LIMIT, Cursor, Ending, Keyset, Limit, Once, provided, view_of
from installation_service.notifications.schemas import Inbox, NotificationCreation, NotificationView, Sender
from installation_service.notifications.service import NotificationService
from installation_service.notifications.streams import NotificationStreams, Stream

router = APIRouter()

Notifications = Annotated[NotificationService, provided("notifications")]
Streams = Annotated[NotificationStreams, provided("notification_streams")]

EVENT_STREAM = "text/event-stream"

FAREWELL_S = 1.0
"""Seconds that a stream which has ended gets to send its last events: a client that does not read takes none."""

_EXAMPLE = NotificationView(
    id=uuid.UUID("0f7a2c8e-5a3b-4d0e-9f51-6f1f3c1f9a01"),
    installation=Sender(id=uuid.UUID("6d1c7f0a-2f0b-4a53-8f3e-0d5f7a9b2c11"), instance_name="Misty"),
    title="Dinner",
    body="It is time.",
    data={"bowl": 2},
    read_at=None,
    created_at=dt.datetime(2026, 11, 21, 18, tzinfo=dt.UTC),
)

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as they come.",
        "content": {
            EVENT_STREAM: {
                "schema": {"type": "string"},
                "example": format_sse_event(
                    event="notification", id=str(_EXAMPLE.id), data_str=_EXAMPLE.model_dump_json()
                ).decode(),
            }
        },
    }
}


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
    responses=_STREAM,
    tags=["notifications"],
)
async def stream_notifications(
    stream: Annotated[Stream, Depends(_open)],
    streams: Streams,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="The id of the last event that was received, to miss nothing since."),
    ] = None,
) -> Response:
    """What the caller's cats send, as it comes: Server-Sent Events.

    Each event is a `notification`; its `id` is the notification's, its `data` the notification as the inbox shows it.
    A comment comes after 15 s of silence. The stream ends when the access token does, when the service restarts, and
    when the client does not read what it is sent. Then open another one, with a fresh token, and with the last `id` as
    `Last-Event-ID`: it begins with what came since 60 s before that notification, oldest first (of more than 100 the
    newest; the inbox has the others). So some come a second time: drop the ids that are there already. With an id that
    is none of the caller's notifications it begins with what is new, as without one. At most 10 streams of a player
    may be open: else 429 `too_many_streams`.
    """
    await streams.resume(stream, _id(last_event_id))
    return _Events(stream)


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


class _Events(StreamingResponse):
    """Sends a stream's events, and comes to its end with the stream: also when the client reads nothing of them."""

    media_type = EVENT_STREAM

    def __init__(self, stream: Stream) -> None:
        # Nginx and its like must not gather what is meant to arrive at once.
        super().__init__(_lines(stream), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(super().__call__(scope, receive, send))
        ended = asyncio.create_task(self._stream.until_ended())
        try:
            await asyncio.wait({sending, ended}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({sending}, timeout=FAREWELL_S)
            if not sending.done():
                raise ClientDisconnect
            sending.result()
        finally:
            for task in (sending, ended):
                task.cancel()
            await asyncio.gather(sending, ended, return_exceptions=True)


async def _lines(stream: Stream) -> AsyncIterator[bytes]:
    async for event in stream.events():
        if event is None:
            yield KEEPALIVE_COMMENT
        else:
            yield format_sse_event(event="notification", id=str(event.id), data_str=event.data)


def _id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
