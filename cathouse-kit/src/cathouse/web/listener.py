"""Taking new connections as they come, also while there is a lot to do.

uvloop takes one in each round of its loop (libuv/libuv#3696). A round in which hundreds of requests go a step further
takes tens of milliseconds; so in a crowd new connections wait in the system's queue, for seconds (measured:
docs/performance.md), those that ask whether the service is alive among them, and nobody in here can refuse them.
"""

import asyncio
import errno
import socket
from collections.abc import Callable

import structlog

MOST_AT_ONCE = 256
"""In one round: those who are in already must have their turns as well."""

_PAUSE_S = 1.0
"""Seconds after which to try again when the system had nothing left for another connection, as asyncio does it."""

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What the system says when this process may have no further connection."""

_logger = structlog.get_logger(__name__)


class Listener:
    """Takes whatever connections have come to a listening socket in each round of the loop."""

    def __init__(self, listening: socket.socket, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        """Begin; the socket is closed with the listener."""
        self._listening = listening
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        self._starting: set[asyncio.Task[None]] = set()
        listening.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Take no more."""
        self._loop.remove_reader(self._listening)
        self._listening.close()

    async def wait_closed(self) -> None:
        """Until those that were taken last are with their protocols."""
        await asyncio.gather(*self._starting)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                _logger.error("service.no_more_connections", cause=str(error))  # noqa: TRY400 - told, not traced
                self._loop.remove_reader(self._listening)
                self._loop.call_later(_PAUSE_S, self._resume)
                return
            task = self._loop.create_task(self._start(connection))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError as error:
            connection.close()
            _logger.info("service.connection_lost", cause=str(error))
