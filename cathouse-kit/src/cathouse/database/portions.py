"""Changing many rows in portions: each is a transaction of its own, so none is long, and none is lost by a crash."""

from sqlalchemy import Delete, Update, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

from cathouse.database.units import Database, Unit

PORTION = 500
"""Rows of one transaction: some milliseconds of work, and enough that a round trip does not count."""


async def change_portion(
    session: AsyncSession,
    change: Delete | Update,
    *,
    key: tuple[InstrumentedAttribute[object], ...],
    where: tuple[ColumnElement[bool], ...],
) -> int:
    """Let ``change`` have at most ``PORTION`` of its table's rows that meet ``where``, and return how many it had.

    ``key`` is the table's primary key. 0 means that no such row is left: rows that another transaction is busy with
    are waited for, and others taken instead of those that are gone by then.
    """
    # With FOR UPDATE Postgres keeps the subquery apart and runs it once, so the limit holds.
    portion = select(*key).where(*where).limit(PORTION).with_for_update().cte("portion")
    statement = change.where(*(column == portion.c[column.key] for column in key)).returning(*key)
    reached = await session.execute(statement, execution_options={"synchronize_session": False})
    return len(reached.all())


async def write_portions(database: Database, unit: Unit[int]) -> int:
    """Run ``unit`` in one transaction after the other until it says that it changed nothing; return the sum.

    Raises:
        ServiceError: as ``Database.write``; what was committed until then stays, and a repetition goes on from there.
    """
    total = 0
    while count := await database.write(unit):
        total += count
    return total
