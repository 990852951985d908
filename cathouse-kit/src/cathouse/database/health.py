"""The answer to "is the database well?", given within a tenth of a second whatever the database does."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database.migration_state import MigrationState, migration_state
from cathouse.database.units import Database

TRY_FOR = 0.1
"""Seconds that a caller waits for a fresh answer."""

GOOD_FOR = 5.0
"""Seconds for which the last success counts while a fresh try has not succeeded."""

_VERSIONS = text(
    "SELECT current_database(), current_setting('server_version'),"
    " (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
)


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """What the last probe found, and how old that is."""

    status: Literal["healthy", "unhealthy"]
    database: str | None
    server_version: str | None
    vector_version: str | None
    migration: MigrationState | None
    latency_ms: float | None
    age_ms: float | None


@dataclass(frozen=True, slots=True)
class _Success:
    at: float
    database: str
    server_version: str
    vector_version: str | None
    migration: MigrationState
    latency_ms: float


class HealthProbe:
    """Asks the database, one question at a time, however many callers wait."""

    def __init__(self, database: Database) -> None:
        """Nothing is asked yet."""
        self._database = database
        self._last: _Success | None = None
        self._asking: asyncio.Task[_Success] | None = None
        self._asked_at = 0.0
        self._has_failed = False

    async def look(self) -> DatabaseHealth:
        """The same as ``check``, but without waking the database of a service that serves nobody.

        Then the last result is the answer; only when the last try failed is there another one, or nobody who watches
        this would ever send requests here again.
        """
        if self._last is not None and not self._has_failed and self._database.idleness.is_idle:
            return _answer(self._last, status="healthy")
        return await self.check()

    async def check(self, *, wait_s: float = TRY_FOR) -> DatabaseHealth:
        """Try for ``wait_s`` seconds, else answer with the last result and its age."""
        if self._asking is None or self._asking.done():
            self._asked_at = time.monotonic()
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._note)
        await asyncio.wait({self._asking}, timeout=wait_s)
        # Slow is not away: a distant database may need longer than anybody should wait here.
        is_late = not self._asking.done() and time.monotonic() - self._asked_at > GOOD_FOR
        last = self._last
        if last is None:
            return DatabaseHealth("unhealthy", None, None, None, None, None, None)
        # Whoever waits behind others in a full pool learns from their success that the database is there.
        is_old = time.monotonic() - max(last.at, self._database.last_success) > GOOD_FOR
        return _answer(last, status="unhealthy" if is_old and (self._has_failed or is_late) else "healthy")

    async def close(self) -> None:
        """Leave no question open."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _note(self, asked: asyncio.Task[_Success]) -> None:
        self._has_failed = asked.cancelled() or asked.exception() is not None

    async def _ask(self) -> _Success:
        async def ask(session: AsyncSession) -> _Success:
            started = time.monotonic()
            name, server_version, vector_version = (await session.execute(_VERSIONS)).one()
            latency_ms = (time.monotonic() - started) * 1000
            state = await migration_state(session)
            return _Success(time.monotonic(), name, server_version, vector_version, state, latency_ms)

        self._last = await self._database.read(ask)
        return self._last


def _answer(last: _Success, *, status: Literal["healthy", "unhealthy"]) -> DatabaseHealth:
    return DatabaseHealth(
        status=status,
        database=last.database,
        server_version=last.server_version,
        vector_version=last.vector_version,
        migration=last.migration,
        latency_ms=round(last.latency_ms, 2),
        age_ms=round((time.monotonic() - last.at) * 1000, 1),
    )
