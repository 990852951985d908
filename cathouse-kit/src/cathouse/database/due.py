"""Rows that wait for their time: work written down in the transaction that promises it, done by a worker afterwards."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from cathouse.database.rows import AnyRow
from cathouse.database.units import Database
from cathouse.errors import ServiceError

TAKEN_SOON_S = 1.0
"""Seconds until we look again when something is due that another process is just taking."""

_logger = structlog.get_logger(__name__)


class DueRows:
    """A table with ``id``, ``attempts`` and ``next_attempt_at``, of which a null means that nothing is to be done.

    Several processes may work on it: a row is taken by one, with a lease. Who ends before it is done leaves it to be
    due again when the lease is over, so what is done with a row must be safe to repeat.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - any model with the three columns
        *columns: InstrumentedAttribute[Any] | ColumnElement[Any],
        at_once: int,
        lease: dt.timedelta,
        pauses: Sequence[dt.timedelta],
        where: ColumnElement[bool] | None = None,
        only: ColumnElement[bool] | None = None,
    ) -> None:
        """``columns`` are what is handed over of a row, ``id`` and ``attempts`` always; ``where`` joins other tables.

        ``only`` are the rows that this process may take; the others are left to who can work on them. ``lease`` is
        longer than it can take to work on ``at_once`` rows; ``pauses`` are those before the second, third … attempt,
        the last of them before all further ones.
        """
        self._model = model
        self._columns = (model.id, model.attempts, *columns)
        self._at_once = at_once
        self._lease = lease
        self._pauses = pauses
        self._where = where
        self._only = only
        self.late_s = 0.0
        """How long the row that was due longest had waited when rows were claimed last; 0 when none was due."""

    async def work(self, database: Database, advance: Callable[[AnyRow], Awaitable[None]]) -> float | None:
        """Let ``advance`` work on some due rows, and return the seconds until the next is due; None: there is none.

        What ``advance`` raises is logged and keeps no other row waiting; its row is due again after the lease.

        Raises:
            ServiceError: the database is away.
        """
        claimed = await database.write(self.claim)
        for row in claimed:
            await self._advance(row, advance)
        if self.is_full(claimed):
            return 0
        return await self.look_again_in(database)

    async def look_again_in(self, database: Database) -> float | None:
        """Ask how many seconds to pause until the next row is due; None: there is none.

        Raises:
            ServiceError: the database is away.
        """
        seconds = await database.read(lambda session: session.scalar(select(self.seconds_until_due)))
        return self.look_again_after(seconds)

    def is_full(self, claimed: Sequence[AnyRow]) -> bool:
        """Whether :meth:`claim` took as much as it takes at once, so that there may be more."""
        return len(claimed) == self._at_once

    def pause_after(self, attempts: int) -> dt.timedelta:
        """How long to wait after so many attempts."""
        return self._pauses[min(max(attempts, 1), len(self._pauses)) - 1]

    async def claim(self, session: AsyncSession) -> Sequence[AnyRow]:
        """Take some rows that are due, longest first; nobody else takes them during the lease."""
        model = self._model
        due = (
            select(model.id, func.extract("epoch", func.now() - model.next_attempt_at).label("late_s"))
            .where(model.next_attempt_at <= func.now(), *(() if self._only is None else (self._only,)))
            .order_by(model.next_attempt_at)
            .limit(self._at_once)
            .with_for_update(skip_locked=True)
            # Materialized: planned as a part of the join it could be run more than once, and take more rows.
            .cte("due")
            .prefix_with("MATERIALIZED")
        )
        statement = (
            update(model)
            .where(model.id == due.c.id, *(() if self._where is None else (self._where,)))
            .values(attempts=model.attempts + 1, next_attempt_at=func.now() + self._lease)
            .returning(*self._columns, due.c.late_s)
            .execution_options(synchronize_session=False)
        )
        rows = (await session.execute(statement)).all()
        self.late_s = max((float(row.late_s) for row in rows), default=0.0)
        return rows

    async def postpone(self, session: AsyncSession, row_id: uuid.UUID, pause: dt.timedelta) -> None:
        """Let a row be due again after ``pause``."""
        model = self._model
        await session.execute(update(model).where(model.id == row_id).values(next_attempt_at=func.now() + pause))

    @property
    def seconds_until_due(self) -> ColumnElement[Any]:
        """How long it is until the next row is due, as a column to select; null when there is none."""
        model = self._model
        # A query of its own, that the index of what is due answers, whatever it is selected beside.
        return (
            select(func.extract("epoch", func.min(model.next_attempt_at) - func.now()))
            .where(model.next_attempt_at.is_not(None), *(() if self._only is None else (self._only,)))
            .correlate(None)
            .scalar_subquery()
        )

    @staticmethod
    def look_again_after(seconds: Decimal | None) -> float | None:
        """How long to pause when the next row is due in ``seconds``: a moment at least, somebody may be taking it."""
        return None if seconds is None else max(float(seconds), TAKEN_SOON_S)

    async def _advance(self, row: AnyRow, advance: Callable[[AnyRow], Awaitable[None]]) -> None:
        where = {"table": self._model.__tablename__, "row": str(row.id), "attempt": row.attempts}
        try:
            await advance(row)
        except ServiceError as error:
            _logger.warning("due.failed", **where, code=error.code)
        except Exception:
            _logger.exception("due.failed", **where)
