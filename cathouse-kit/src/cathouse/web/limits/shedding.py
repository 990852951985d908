"""Load shedding: a service that has as much to do as it can carry refuses what comes on top, at once and cheaply.

A service is one process with one event loop. What comes in faster than it goes out would wait in there, every answer
later than the one before, until nobody waits for any of them any more. So the requests under way are counted, and
beyond a number that takes about a second no more are begun.
"""

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse.errors import ServiceError
from cathouse.web.contract.event_streams import begins_event_stream
from cathouse.web.contract.problems import service_error_response
from cathouse.web.observing.metrics import Reading
from cathouse.web.observing.watchers import ALWAYS_ANSWERED

INTERNAL = "/internal/"
"""Where the services call each other."""

_QUIET_S = 10.0
"""Seconds without a refusal, after which the next one is told in the log as the beginning of something."""

_logger = structlog.get_logger(__name__)


class OverloadedError(ServiceError):
    """More requests are under way than are begun at once (``MOST_REQUESTS_UNDER_WAY``)."""

    code = "overloaded"
    status = 503
    title = "The service has too much to do"

    def __init__(self) -> None:
        """What is under way takes about a second, so there is room again soon."""
        super().__init__(
            "More requests came at once than can be answered. Nothing of this one was done. Try again in a moment.",
            retry_after_s=1,
        )


class SheddingMiddleware:
    """Refuses what comes while ``most`` requests are under way, without reading its body.

    Calls of the other services are counted apart, with as much room: a crowd outside must not keep a report of what was
    done, or an erasure, from its place. Not under way are a request whose body has not come yet (else a few clients who
    send slowly would take all places), one that is :func:`wait_for_others`, and a stream of events that has begun.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._outside = _Room(most)
        self._internal = _Room(most)

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        rooms = (("outside", self._outside), ("services", self._internal))
        under_way, shed = "Requests that are being answered.", "Requests refused since too many were under way."
        return (
            *(
                Reading("cathouse_http_requests_under_way", under_way, partial(getattr, room, "taken"), {"from": name})
                for name, room in rooms
            ),
            *(
                Reading("cathouse_http_requests_shed_total", shed, partial(getattr, room, "refused"), {"from": name})
                for name, room in rooms
            ),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        room = self._internal if scope["path"].startswith(INTERNAL) else self._outside
        if room.refuses_next():
            await service_error_response(scope, OverloadedError())(scope, receive, send)
            return
        place = _Place(room, receive, send)
        token = _place.set(place)
        try:
            await self._app(scope, place.receive, place.send)
        finally:
            _place.reset(token)
            place.leave()


class _Room:
    """So many places, and when somebody was last refused one."""

    def __init__(self, most: int) -> None:
        self.taken = 0
        self.refused = 0
        self._most = most
        self._refused_at = float("-inf")

    def refuses_next(self) -> bool:
        """Whether the next one is refused; if so, it is counted and, as the first for a while, logged."""
        if self.taken < self._most:
            return False
        now = time.monotonic()
        if now - self._refused_at > _QUIET_S:
            _logger.warning("service.overloaded", most_requests_under_way=self._most)
        self._refused_at = now
        self.refused += 1
        return True


class _Place:
    """What one request takes while it is under way."""

    __slots__ = ("_has_left", "_has_whole_body", "_is_taken", "_receive", "_room", "_send")

    def __init__(self, room: _Room, receive: Receive, send: Send) -> None:
        self._room = room
        self._receive = receive
        self._send = send
        self._has_left = False
        self._has_whole_body = False
        self._is_taken = False
        self._take()

    def leave(self) -> None:
        """Give the place back, for good."""
        self._has_left = True
        self._give_back()

    def step_aside(self) -> Callable[[], None]:
        """Leave the place to somebody else for a while; what is returned ends that.

        To come back it is not asked whether there is room.
        """
        if not self._is_taken:
            return _nothing
        self._give_back()
        return self._come_back

    async def receive(self) -> Message:
        """The next part of the body. Who waits for its client does nothing meanwhile."""
        if self._has_whole_body:
            return await self._receive()
        come_back = self.step_aside()
        try:
            message = await self._receive()
        finally:
            come_back()
        self._has_whole_body = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start" and begins_event_stream(message.get("headers", ())):
            self.leave()
        await self._send(message)

    def _take(self) -> None:
        self._is_taken = True
        self._room.taken += 1

    def _come_back(self) -> None:
        if not self._has_left:
            self._take()

    def _give_back(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._room.taken -= 1


_place: ContextVar[_Place | None] = ContextVar("place", default=None)


def wait_for_others() -> Callable[[], None]:
    """From now on the request that is being handled does not count as under way, since others work on it.

    What is returned ends that, to be called once. For what is counted and limited where it is waited for: a cat that
    hangs must not close the whole service.
    """
    place = _place.get()
    return _nothing if place is None else place.step_aside()


def _nothing() -> None:
    """Where there was no place to leave."""
