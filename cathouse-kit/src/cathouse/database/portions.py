"""Changing many rows in portions: each is a transaction of its own, so none is long, and none is lost by a crash."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Delete, Update, any_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

from cathouse.database.rows import AnySelect
from cathouse.database.units import Database, Unit

PORTION = 500
"""Rows of one transaction: some milliseconds of work, and enough that a round trip does not count."""


async def change_portion(
    session: AsyncSession,
    change: Delete | Update,
    *,
    key: tuple[InstrumentedAttribute[object], ...],
    where: tuple[ColumnElement[bool], ...],
    oldest: InstrumentedAttribute[dt.datetime] | None = None,
) -> int:
    """Let ``change`` have at most ``PORTION`` of its table's rows that meet ``where``, and return how many it had.

    ``key`` is the table's primary key. Where ``where`` is an age, ``oldest`` is its column, which has an index: the
    oldest rows come first then. 0 means that no such row is left: rows that another transaction is busy with are waited
    for, and others taken instead of those that are gone by then.
    """
    # With FOR UPDATE Postgres keeps the subquery apart and runs it once, so the limit holds. Its statistics do not say
    # where in a table old rows lie: without the order it looks through the whole table for them.
    portion = select(*key).where(*where).order_by(*(() if oldest is None else (oldest,))).limit(PORTION)
    reached = await session.execute(
        change.where(*_is_in(portion.with_for_update(), key)).returning(*key),
        execution_options={"synchronize_session": False},
    )
    return len(reached.all())


def _is_in(portion: AnySelect, key: tuple[InstrumentedAttribute[object], ...]) -> Sequence[ColumnElement[bool]]:
    if len(key) == 1:
        # By the index of the key, whatever Postgres believes of the table: a join it may do by reading all of it.
        return [key[0] == any_(func.array(portion.scalar_subquery()))]
    found = portion.cte("portion")
    return [column == found.c[column.key] for column in key]


async def write_portions(database: Database, unit: Unit[int]) -> int:
    """Run ``unit`` in one transaction after the other until it says that it changed nothing; return the sum.

    Raises:
        ServiceError: as ``Database.write``; what was committed until then stays, and a repetition goes on from there.
    """
    total = 0
    while count := await database.write(unit):
        total += count
    return total
