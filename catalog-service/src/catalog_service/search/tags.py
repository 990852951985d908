"""The tags of the catalog, counted now and then."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catalog_service.search import repository
from cathouse.database import Database

KEPT_S = 60.0
"""So old a count may be. To count means to look at every cat, which no request is to wait for each time."""


@dataclass(frozen=True, slots=True)
class TagCount:
    """How many published cats have a tag."""

    value: str
    cats: int

    @property
    def place(self) -> tuple[int, str]:
        """Grows along the list: the most frequent tag first."""
        return -self.cats, self.value


class TagCounts:
    """Lists tags by how many cats have them, from a count that is at most ``KEPT_S`` seconds old."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._counted_at = float("-inf")
        self._tags: Sequence[TagCount] = ()
        self._counting = asyncio.Lock()

    async def page(self, *, after: tuple[int, str] | None, limit: int) -> Sequence[TagCount]:
        """At most ``limit`` tags, from behind the one with this number of cats and this name on."""
        async with self._counting:  # who asks at the same time waits for the same count
            if self._clock() - self._counted_at >= KEPT_S:
                began = self._clock()
                rows = await self._database.read(repository.count_tags)
                self._tags, self._counted_at = [TagCount(row.value, row.cats) for row in rows], began
        if after is None:
            return self._tags[:limit]
        cats, value = after
        start = bisect_right(self._tags, (-cats, value), key=lambda tag: tag.place)
        return self._tags[start : start + limit]
