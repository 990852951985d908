"""Units of work: the only way in which a service reaches the database.

A unit is an async function of a session. The database opens, runs, commits and releases around it; so what was
acknowledged is committed, and no connection is held while anything else is waited for. A unit may run more than
once: it makes no outside call and changes nothing but the session.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import structlog
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from cathouse.database.budget import Share
from cathouse.database.companions import accompanied
from cathouse.database.engine import make_engine
from cathouse.database.errors import DatabaseUnavailableError, OutcomeUnknownError
from cathouse.database.failures import (
    FAILURES,
    broke_the_connection,
    explain,
    is_passing,
    refused_write,
    refuses_login,
)
from cathouse.database.gate import Gate
from cathouse.database.idleness import Idleness
from cathouse.database.settings import DatabaseSettings
from cathouse.database.urls import DatabaseUrl
from cathouse.database.usage import Usage, current_usage

T = TypeVar("T")
Unit = Callable[[AsyncSession], Awaitable[T]]

Trace = Callable[[str, Usage], AbstractContextManager[object]]
"""What is around a unit, given its kind and where it is counted."""

RETRY_DEADLINE = 10.0
"""Seconds within which a suspended database wakes up or counts as away."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0

_logger = structlog.get_logger(__name__)

_NOTHING = nullcontext()


def _untraced(_kind: str, _usage: Usage) -> AbstractContextManager[object]:
    return _NOTHING


class Database:
    """One service's way to Postgres: an engine, the gate in front of its pool, and the retry."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        gate: Gate,
        url: DatabaseUrl,
        share: Share,
        prepares: bool,
        idleness: Idleness | None = None,
    ) -> None:
        """``prepares``: whether statements can be prepared outside a transaction (not through a transaction pooler)."""
        self.url = url
        self.gate = gate
        self.idleness = idleness or Idleness()
        self.last_success = float("-inf")
        """When a unit last succeeded, by ``time.monotonic``: the database was there at that moment."""
        self.trace: Trace = _untraced
        self._share = share
        self._engine = engine
        # On a direct connection a read is one round trip; a transaction pooler could answer PREPARE and EXECUTE
        # from two servers, so there a read is a transaction.
        self._read_engine = engine.execution_options(isolation_level="AUTOCOMMIT") if prepares else engine
        self._reads_in_transactions = not prepares

    @classmethod
    def from_settings(cls, settings: DatabaseSettings, service: str, *, idleness: Idleness | None = None) -> "Database":
        """Build it; nothing is opened yet.

        Raises:
            ValueError: when the settings do not lead to a database or break the connection budget.
        """
        url = settings.url()
        pooler = settings.pooler(url)
        share = settings.share(service)
        engine = make_engine(
            url,
            pooler=pooler,
            application_name=f"cathouse-{service}",
            share=share,
            recycle=settings.db_pool_recycle,
            command_timeout=settings.db_command_timeout,
            password=settings.current_password,
        )
        gate = Gate(share.total, timeout=settings.db_pool_timeout)
        return cls(engine, gate=gate, url=url, share=share, prepares=pooler == "none", idleness=idleness)

    def pool_state(self) -> dict[str, int]:
        """The connections of this process: kept, allowed, in use, and how many units wait for one."""
        return {
            "size": self._share.size,
            "max": self._share.total,
            "in_use": self.gate.in_use,
            "waiting": self.gate.waiting,
        }

    def count_connections(self) -> int:
        """Connections that are open, those in use and those kept for the next unit."""
        pool = self._engine.pool
        return pool.checkedin() + pool.checkedout() if isinstance(pool, QueuePool) else self.gate.in_use

    async def read(self, unit: Unit[T]) -> T:
        """Run ``unit`` and return its result. It sees committed data, and is repeated when the connection breaks.

        Raises:
            PoolExhaustedError, DatabaseUnavailableError: nothing was read.
        """

        async def attempt() -> T:
            async with self.gate.enter(), AsyncSession(self._read_engine, expire_on_commit=False) as session:
                return await unit(session)

        return await self._retried("read", attempt, in_transaction=self._reads_in_transactions)

    async def write(self, unit: Unit[T]) -> T:
        """Run ``unit`` in a transaction, commit it, and return its result; any exception rolls back.

        It is repeated when the connection breaks before COMMIT was sent. What ``accompanied_by`` was told goes along.

        Raises:
            PoolExhaustedError, DatabaseUnavailableError, DatabaseReadOnlyError, DatabaseFullError: nothing was changed.
            OutcomeUnknownError: COMMIT was sent and not answered.
        """
        run = accompanied(unit)

        async def attempt() -> T:
            async with self.gate.enter(), AsyncSession(self._engine, expire_on_commit=False) as session:
                result = await run(session)
                await session.flush()
                try:
                    await session.commit()
                except Exception as error:
                    if broke_the_connection(error):
                        _logger.error("database.outcome_unknown", cause=explain(error))  # noqa: TRY400 - told, not traced
                        raise OutcomeUnknownError from error
                    raise
                return result

        return await self._retried("write", attempt, in_transaction=True)

    async def once(self, unit: Unit[T]) -> T:
        """Run ``unit``, a single statement that is committed by itself, and never repeat it: it may not count twice.

        Raises:
            PoolExhaustedError: it was not done.
            DatabaseUnavailableError: it was not done, or the connection broke and nobody knows.
        """

        async def attempt() -> T:
            async with self.gate.enter(), AsyncSession(self._read_engine, expire_on_commit=False) as session:
                await session.connection()  # until here nothing was sent, and a failure may be repeated
                try:
                    result = await unit(session)
                    await session.commit()
                except FAILURES as error:
                    if not broke_the_connection(error):
                        raise
                    _logger.warning("database.not_repeated", cause=explain(error))
                    raise DatabaseUnavailableError("The database connection broke. Try again.") from error
                return result

        return await self._retried("once", attempt, in_transaction=self._reads_in_transactions)

    async def open(self, *, attempts: int) -> None:
        """Prove that the database answers, pausing longer between each of the ``attempts``.

        Five take 28 seconds at most: four pauses, and CONNECT_TIMEOUT for each attempt.

        Raises:
            DatabaseUnavailableError: when none succeeded; the message names the server and the cause.
        """
        for number in range(1, attempts + 1):
            try:
                async with self.gate.enter(), self._engine.connect() as connection:
                    await connection.exec_driver_sql("SELECT 1")
            except Exception as error:
                message = f"cannot connect to the database {self.url!r}: {explain(error)}"
                if number == attempts:
                    raise DatabaseUnavailableError(message) from error
                pause = 2.0 ** (number - 2)
                _logger.warning("database.connect_failed", attempt=number, of=attempts, retry_in_s=pause, cause=message)
                await asyncio.sleep(pause)
            else:
                return

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def _retried(self, kind: str, attempt: Callable[[], Awaitable[T]], *, in_transaction: bool) -> T:
        usage = current_usage() or Usage()
        started, trips = time.perf_counter(), usage.round_trips
        with self.trace(kind, usage):
            try:
                return await self._until_it_works(attempt)
            finally:
                usage.seconds += time.perf_counter() - started
                if in_transaction and usage.round_trips > trips:
                    usage.round_trips += 2  # its beginning, which waits for the first statement, and its end

    async def _until_it_works(self, attempt: Callable[[], Awaitable[T]]) -> T:
        deadline = time.monotonic() + RETRY_DEADLINE
        pause = _FIRST_PAUSE
        while True:
            try:
                result = await attempt()
            except FAILURES as error:
                if refusal := refused_write(error):
                    _logger.error("database.write_refused", cause=explain(error))  # noqa: TRY400 - told, not traced
                    raise refusal from error
                if refuses_login(error):
                    _logger.error("database.login_refused", database=repr(self.url), cause=explain(error))  # noqa: TRY400
                    raise DatabaseUnavailableError from error
                if not is_passing(error):
                    raise
                # Jitter, so that all that waited do not come back in the same instant.
                delay = pause * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
                if time.monotonic() + delay > deadline:
                    _logger.error("database.unavailable", database=repr(self.url), cause=explain(error))  # noqa: TRY400
                    raise DatabaseUnavailableError from error
                _logger.warning("database.retry", cause=explain(error))
                await asyncio.sleep(delay)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self.last_success = time.monotonic()
                return result
