"""Gathering concurrent look-ups of one kind into one query.

Measured (design/performance.md): 32 tasks on one connection, 48,392 look-ups a second gathered against 6,839 as a query
each on three connections.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

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
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._running: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """The value for ``key``, or None.

        Raises:
            Exception: what ``load`` raised for the batch that held the key.
        """
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        # Shielded: one caller that leaves does not take the answer from the others with the same key.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:LARGEST_BATCH]
                batch = {key: self._waiting.pop(key) for key in keys}
                try:
                    found = await self._load(keys)
                except Exception as error:  # noqa: BLE001 - handed to everyone who waits for it
                    for future in batch.values():
                        future.set_exception(error)
                        future.exception()  # it is not lost when the last caller has left
                else:
                    for key, future in batch.items():
                        future.set_result(found.get(key))
        finally:
            self._running = None
