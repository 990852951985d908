"""Open streams of notifications, and what hands them what is new.

With one replica every notification is taken by this process, which hands it on after its commit: nothing is asked of
the database. With several, another one may have taken it: then one query every two seconds asks for the players of all
streams of the process, as long as there are any.

No stream holds a connection to the database. A client that misses something (it was cut off, it slept) comes back with
``Last-Event-ID``: the last notification that it received, or, before there was any, the time at which its stream began.
"""

import asyncio
import datetime as dt
import time
import uuid
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from cathouse.database import AnyRow, Database, Worker
from cathouse.web import Reading, view_of
from installation_service.notifications import repository
from installation_service.notifications.errors import TooManyStreamsError
from installation_service.notifications.schemas import NotificationView

COMMENT_S = 15.0
"""Seconds of silence until a comment is sent, so that nobody between takes the connection for dead (design/api.md)."""

OVERLAP = dt.timedelta(seconds=60)
"""A notification carries the time at which its transaction began; within this it has ended, and others see it."""

MOST_CAUGHT_UP = 100
MOST_OF_A_PLAYER = 10
MOST_OF_A_PROCESS = 500
"""A file each: some systems give a process 1,024."""

LARGEST_BACKLOG = 256 * 1024
"""Characters that may wait for a client that does not read, beside one event; system and server hold some more."""

POLL_S = 2.0
MOST_OF_A_POLL = 500

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """A notification to be sent; ``data`` is it as JSON, as the inbox shows it."""

    id: uuid.UUID
    data: str


class Stream:
    """What one client is to be sent, until something ends it."""

    def __init__(self, user_id: uuid.UUID) -> None:
        self.user_id = user_id
        self.begins_at: dt.datetime | None = dt.datetime.now(dt.UTC)
        """Where a client comes back to that has received nothing; None when it begins with what was missed."""
        self._missed: deque[Event] = deque()
        self._waiting: deque[Event] = deque()
        self._backlog = 0
        self._known: frozenset[uuid.UUID] = frozenset()
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Send the event when its turn comes. A client that has too much waiting already is cut off."""
        if self._ended.is_set() or event.id in self._known:
            return
        if self._waiting and self._backlog + len(event.data) > LARGEST_BACKLOG:
            _logger.info("notification_stream.client_does_not_read", backlog=self._backlog)
            self._missed.clear()
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(event)
        self._backlog += len(event.data)
        self._woken.set()

    def resume(self, missed: Iterable[Event]) -> None:
        """Send ``missed`` first, and none of it a second time."""
        self.begins_at = None
        self._missed = deque(missed)
        self.leave_out(event.id for event in self._missed)
        offered, self._waiting, self._backlog = self._waiting, deque(), 0
        for event in offered:
            self.offer(event)

    def leave_out(self, ids: Iterable[uuid.UUID]) -> None:
        """Send none of these when they are offered from now on."""
        self._known = frozenset(ids)

    def end(self) -> None:
        """Let the client have what waits for it, and nothing more."""
        self._ended.set()
        self._woken.set()

    async def until_ended(self) -> None:
        """Return when something has ended the stream; its last events may still be on their way."""
        await self._ended.wait()

    async def events(self) -> AsyncIterator[Event | None]:
        """What is to be sent, as it comes; None when it is time for a comment."""
        while True:
            while self._missed:
                yield self._missed.popleft()
            while self._waiting:
                event = self._waiting.popleft()
                self._backlog -= len(event.data)
                yield event
            if self._ended.is_set():
                return
            self._woken.clear()
            try:
                async with asyncio.timeout(COMMENT_S):
                    await self._woken.wait()
                continue
            except TimeoutError:
                pass
            yield None


class NotificationStreams:
    """The open streams of this process."""

    def __init__(self, database: Database, *, replicas: int) -> None:
        """``replicas`` is how many processes take notifications."""
        self._database = database
        self._streams: defaultdict[uuid.UUID, set[Stream]] = defaultdict(set)
        self._count = 0
        self._looked_at = 0.0
        self._published: dict[uuid.UUID, float] = {}
        # It waits while the process is idle: never with open streams, see _look.
        self._worker = (
            Worker("notification_streams", self._look, database.idleness, look_again_s=POLL_S) if replicas > 1 else None
        )

    def start(self) -> None:
        """Begin to look for what other processes take, if there are any."""
        if self._worker is not None:
            self._worker.start()

    async def close(self) -> None:
        """Look no more."""
        if self._worker is not None:
            await self._worker.close()

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        return (Reading("cathouse_notification_streams_open", "Open streams of notifications.", lambda: self._count),)

    @contextmanager
    def open(self, user_id: uuid.UUID, *, until: dt.datetime) -> Iterator[Stream]:
        """A stream of the player's notifications from now on, for as long as the block lasts. At ``until`` it ends.

        Raises:
            TooManyStreamsError: the player's others, or all together, are as many as there may be.
        """
        if len(self._streams.get(user_id, ())) >= MOST_OF_A_PLAYER:
            raise TooManyStreamsError(f"A player may have {MOST_OF_A_PLAYER} streams open. Close another one.")
        if self._count >= MOST_OF_A_PROCESS:
            raise TooManyStreamsError("There are too many open streams at the moment. Try again later.")
        if not self._count:
            self._looked_at = time.monotonic()
            self._published.clear()
        stream = Stream(user_id)
        self._streams[user_id].add(stream)
        self._count += 1
        left = (until - dt.datetime.now(dt.UTC)).total_seconds()
        timer = asyncio.get_running_loop().call_later(max(0.0, left), stream.end)
        try:
            yield stream
        finally:
            timer.cancel()
            self._count -= 1
            self._streams[user_id].discard(stream)
            if not self._streams[user_id]:
                del self._streams[user_id]

    async def resume(self, stream: Stream, last: uuid.UUID | dt.datetime | None) -> None:
        """Let ``stream`` begin with what came since a minute before ``last``: the player's notification, or a time.

        Oldest first; of more than ``MOST_CAUGHT_UP`` the newest. Where that is none of the player's notifications, or
        nothing came, the stream begins with what is new.
        """
        # The poll looks back, further than to the beginning of a stream: what lies before must be known.
        if last is None and self._worker is None:
            return
        rows = await self._database.read(
            lambda session: repository.notifications_since(
                session, stream.user_id, last, overlap=OVERLAP, limit=MOST_CAUGHT_UP
            )
        )
        if rows and rows[0].is_resumed:
            stream.resume(_event(row) for row in reversed(rows))
        else:
            stream.leave_out(row.id for row in rows)

    def publish(self, row: AnyRow) -> None:
        """Hand a committed notification to its player's streams; never waits."""
        streams = self._streams.get(row.user_id)
        if not streams or row.id in self._published:
            return
        if self._worker is not None:
            self._published[row.id] = time.monotonic()
        event = _event(row)
        for stream in streams:
            stream.offer(event)

    async def _look(self) -> float | None:
        """Ask for what other processes took, and return when to ask again."""
        if not self._count:
            return None
        self._database.idleness.served()
        now = time.monotonic()
        # When the database was away: since it was there.
        within = OVERLAP + dt.timedelta(seconds=now - self._looked_at)
        oldest = now - within.total_seconds()
        self._published = {id_: at for id_, at in self._published.items() if at >= oldest}
        players, published = list(self._streams), list(self._published)
        rows = await self._database.read(
            lambda session: repository.new_notifications(
                session, players, within=within, without=published, limit=MOST_OF_A_POLL
            )
        )
        for row in rows:
            self.publish(row)
        if len(rows) == MOST_OF_A_POLL:
            return 0.0
        self._looked_at = now
        return POLL_S


def _event(row: AnyRow) -> Event:
    return Event(row.id, view_of(NotificationView, row).model_dump_json())
