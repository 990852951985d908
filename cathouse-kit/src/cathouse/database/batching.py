"""Gathering concurrent look-ups of one kind into one query.

Measured (design/performance.md): 32 tasks on one connection, 48,392 look-ups a second gathered against 6,839 as a query
each on three connections.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from cathouse.database.usage import Usage, current_usage, measured

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LARGEST_BATCH = 500


class BatchLoader(Generic[K, V]):
    """Answers ``get(key)`` from ``load(keys)``, with one ``load`` under way at a time.

    The first key is loaded at once; those that come meanwhile share the next query. An answer is never older than
    its question: nothing is kept between batches.
    """

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """``load`` returns what it found; a key that it leaves out is answered with None."""
        self._load = load
        self._waiting: dict[K, list[asyncio.Future[tuple[V | None, int]]]] = {}
        self._running: asyncio.Task[None] | None = None
        self._first: Usage | None = None  # of the next batch: what is traced as a part of somebody's request

    async def get(self, key: K) -> V | None:
        """The value for ``key``, or None.

        Raises:
            Exception: what ``load`` raised for the batch that held the key.
        """
        # One for each caller: who leaves does not take the answer from the others with the same key.
        future: asyncio.Future[tuple[V | None, int]] = asyncio.get_running_loop().create_future()
        usage = current_usage()
        if not self._waiting:
            self._first = usage
        self._waiting.setdefault(key, []).append(future)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        if usage is None:
            return (await future)[0]
        started = time.perf_counter()
        try:
            value, round_trips = await future
            usage.round_trips += round_trips
        finally:
            usage.seconds += time.perf_counter() - started
        return value

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:LARGEST_BATCH]
                batch = {key: self._waiting.pop(key) for key in keys}
                try:
                    with measured() as usage:  # each who waits for the batch takes all of it
                        usage.span = None if self._first is None else self._first.span
                        found = await self._load(keys)
                except Exception as error:  # noqa: BLE001 - handed to everyone who waits for it
                    for futures in batch.values():
                        for future in _wanted(futures):
                            future.set_exception(error)
                else:
                    for key, futures in batch.items():
                        for future in _wanted(futures):
                            future.set_result((found.get(key), usage.round_trips))
        finally:
            self._running = None


def _wanted(futures: Sequence[asyncio.Future[V]]) -> Iterator[asyncio.Future[V]]:
    """Those whose callers are still there."""
    return (future for future in futures if not future.done())
