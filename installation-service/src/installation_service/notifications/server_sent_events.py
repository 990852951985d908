"""A stream of notifications as an answer: Server-Sent Events, and what its document says of them."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from cathouse.web import rfc3339
from installation_service.notifications.schemas import NotificationView, Sender
from installation_service.notifications.streams import Stream

_MEDIA_TYPE = "text/event-stream"

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

_BEGUN = dt.datetime(2026, 11, 21, 17, 55, tzinfo=dt.UTC)


def _place(moment: dt.datetime) -> bytes:
    """An id without data: a client keeps it as ``Last-Event-ID``, and is shown no event."""
    return format_sse_event(id=rfc3339(moment))


def _event(notification_id: uuid.UUID, data: str) -> bytes:
    return format_sse_event(event="notification", id=str(notification_id), data_str=data)


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as they come.",
        "content": {
            _MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": (_place(_BEGUN) + _event(_EXAMPLE.id, _EXAMPLE.model_dump_json())).decode(),
            }
        },
    }
}


class ServerSentEvents(StreamingResponse):
    """Sends a stream's events, and comes to its end with the stream: also when the client reads nothing of them."""

    media_type = _MEDIA_TYPE

    def __init__(self, stream: Stream) -> None:
        # Nginx and its like must not gather what is meant to arrive at once.
        super().__init__(_lines(stream), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; raises ``ClientDisconnect`` for a client that has not read all a moment after the stream's end."""
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
    if stream.begins_at is not None:
        yield _place(stream.begins_at)
    async for event in stream.events():
        yield KEEPALIVE_COMMENT if event is None else _event(event.id, event.data)
