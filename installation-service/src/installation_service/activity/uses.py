"""What cats do with what they were granted, for the player to see.

A write is noted in its own transaction (``repository.use_of``). Reads change nothing and come often: they are gathered
here and written every few seconds.
"""

import asyncio
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence

import structlog

from cathouse.database import Database
from cathouse.errors import ServiceError
from cathouse.schema import PermissionType
from cathouse.web import Reading
from installation_service.activity import repository

GATHER_S = 5.0
LAST_FLUSH_S = 2.0
MOST_GATHERED = 10_000
"""Different ones. When the database stays away, further ones are counted as dropped: what a cat read is no secret."""

_logger = structlog.get_logger(__name__)

Use = tuple[uuid.UUID, PermissionType, str]
"""Which installation's cat, what it was granted, and what it did with it."""


class GatheredUses:
    """Counts reads, and writes the counts down. No timer runs while there is nothing to write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Counter[Use] = Counter()
        self._waiting = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self.dropped = 0

    def start(self) -> None:
        """Begin to write down what is noted."""
        self._worker = asyncio.create_task(self._run(), name="permission_uses")

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        dropped = "Uses of permissions that could not be written down."
        return (Reading("cathouse_uses_dropped_total", dropped, lambda: self.dropped),)

    def note(self, installation_id: uuid.UUID, permission: PermissionType, action: str) -> None:
        """Count one use; never waits."""
        use = (installation_id, permission, action)
        if use not in self._counts and len(self._counts) >= MOST_GATHERED:
            self.dropped += 1
            return
        self._counts[use] += 1
        self._waiting.set()

    async def close(self) -> None:
        """Write down what is left, for two seconds at most, and say what could not be."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        try:
            async with asyncio.timeout(LAST_FLUSH_S):
                await self._write()
        except Exception as error:
            if not isinstance(error, TimeoutError | ServiceError):
                _logger.exception("permission_uses.failed")
            self.dropped += sum(self._counts.values())
        if self.dropped:
            _logger.warning("permission_uses.dropped", count=self.dropped)

    async def _run(self) -> None:
        while True:
            await self._waiting.wait()
            await asyncio.sleep(GATHER_S)
            try:
                await self._write()
            except ServiceError as error:
                _logger.warning("permission_uses.failed", code=error.code, retry_in_s=GATHER_S)
                await self._database.idleness.until_served()
            except Exception:  # a fault of ours: the counts are kept and written again
                _logger.exception("permission_uses.failed", retry_in_s=GATHER_S)
                await self._database.idleness.until_served()

    async def _write(self) -> None:
        self._waiting.clear()
        taken, self._counts = self._counts, Counter()
        if not taken:
            return
        at = dt.datetime.now(dt.UTC)
        try:
            await self._database.write(lambda session: repository.add_uses(session, taken, at=at))
        except BaseException:
            self._counts += taken  # also when the task is cancelled: close() writes it
            self._waiting.set()
            raise
