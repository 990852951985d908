"""Server-Sent Events: an answer that comes bit by bit."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from cathouse.cat.asgi import ClientLeftError, Receive, Send

EVENT_STREAM = "text/event-stream"

QUIET_S = 5.0
"""Seconds of silence after which a comment is sent: Cat House ends a stream that is silent for 30 s."""

_HEADERS = [
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx and its like must not gather what is meant to arrive at once
]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``data`` is any JSON value; ``event`` is its kind, ``id`` its id."""

    data: Any
    event: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        for text in (self.event, self.id):
            if text is not None and any(character in text for character in "\r\n\0"):
                raise ValueError("an event's kind and id are one line")

    def encode(self) -> bytes:
        """As it is sent.

        Raises:
            TypeError, ValueError: ``data`` is no JSON value.
        """
        lines = [f"{name}: {text}\n" for name, text in (("id", self.id), ("event", self.event)) if text is not None]
        return f"{''.join(lines)}data: {json.dumps(self.data, ensure_ascii=False, allow_nan=False)}\n\n".encode()


class EventAnswer:
    """An answer out of events. The status is sent with the first event, or after some seconds without one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._turn = asyncio.Lock()
        self._last = time.monotonic()
        self.begun = False

    async def run(self, events: AsyncIterator[Event], receive: Receive) -> None:
        """Send the events until they end or the client leaves; then ``events`` is closed.

        Raises:
            Exception: what ``events`` raised.
        """
        telling = asyncio.create_task(self._tell(events))
        tasks = [telling, asyncio.create_task(self._fill_silence()), asyncio.create_task(_client_leaves(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def write(self, content: bytes, *, more: bool = True) -> None:
        """Send some bytes of the stream.

        Raises:
            ClientLeftError: nobody is there.
        """
        async with self._turn:
            try:
                if not self.begun:
                    self.begun = True
                    await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                await self._send({"type": "http.response.body", "body": content, "more_body": more})
            except OSError:
                raise ClientLeftError from None
            self._last = time.monotonic()

    async def _tell(self, events: AsyncIterator[Event]) -> None:
        try:
            async for event in events:
                await self.write(event.encode())
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()
        await self.write(b"", more=False)

    async def _fill_silence(self) -> None:
        while True:
            silent_s = time.monotonic() - self._last
            if silent_s >= QUIET_S:
                await self.write(b":\n\n")
                silent_s = 0.0
            await asyncio.sleep(QUIET_S - silent_s)


async def _client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
