"""Retention: removing what has had its time."""

from collections.abc import Mapping

import structlog

from cathouse.database.portions import write_portions
from cathouse.database.units import Database, Unit
from cathouse.database.worker import Worker

EVERY_S = 3600.0
FIRST_AFTER_S = 60.0
"""Seconds after the start: a process has other things to do first."""

_logger = structlog.get_logger(__name__)


class Retention:
    """Removes it in small steps, once an hour while somebody is served; several replicas may do so at once."""

    def __init__(self, database: Database, removals: Mapping[str, Unit[int]]) -> None:
        """``removals`` are by table: each removes a portion and returns how many rows that were, 0 at the end."""
        self._database = database
        self._removals = removals
        self.worker = Worker(
            "retention", self._work, database.idleness, look_again_s=EVERY_S, first_after_s=FIRST_AFTER_S
        )

    def start(self) -> None:
        """Begin soon."""
        self.worker.start()

    async def close(self) -> None:
        """Stop."""
        await self.worker.close()

    async def remove_old(self) -> dict[str, int]:
        """Remove what has had its time, and return how many rows of each table there were."""
        return {table: await write_portions(self._database, remove) for table, remove in self._removals.items()}

    async def _work(self) -> float | None:
        removed = {table: count for table, count in (await self.remove_old()).items() if count}
        if removed:
            _logger.info("retention.removed", **removed)
        return None
