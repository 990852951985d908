"""The queue in front of the connection pool.

SQLAlchemy's async pool is unfair under contention (measured: design/database.md, 64 tasks on 3 connections:
longest wait 534 ms bare, 15.6 ms behind a FIFO semaphore), so nobody asks the pool before a place is free.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cathouse.database.errors import PoolExhaustedError
from cathouse.database.usage import current_usage


class Gate:
    """Lets ``places`` units through at once, first come, first served."""

    def __init__(self, places: int, *, timeout: float) -> None:
        """``timeout`` is in seconds, for the wait alone."""
        self.places = places
        self.timeout = timeout
        self.on_wait: Callable[[float], object] = _nothing
        """Told the seconds of each wait, also of those that end in vain."""
        self._semaphore = asyncio.Semaphore(places)
        self._in_use = 0
        self._waiting = 0

    @property
    def in_use(self) -> int:
        """How many units hold a place."""
        return self._in_use

    @property
    def waiting(self) -> int:
        """How many units wait for one."""
        return self._waiting

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Hold a place.

        Raises:
            PoolExhaustedError: when none became free in time.
        """
        self._waiting += 1
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                await self._semaphore.acquire()
        except TimeoutError:
            raise PoolExhaustedError(self.timeout) from None
        finally:
            self._waiting -= 1
            waited_s = time.perf_counter() - started
            self.on_wait(waited_s)
            if (usage := current_usage()) is not None:
                usage.waited_s += waited_s
        self._in_use += 1
        try:
            yield
        finally:
            self._in_use -= 1
            self._semaphore.release()


def _nothing(_seconds: float) -> None:
    return
