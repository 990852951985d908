"""Whether the database's structure is the one that this code was written for."""

from typing import Literal

from sqlalchemy import Select, String, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import HEAD_REVISION, SCHEMA
from cathouse.schema.ownership import VERSION_TABLE

MigrationState = Literal["up-to-date", "out-of-date"]

CURRENT_REVISION: Select[str] = select(column("version_num", String)).select_from(table(VERSION_TABLE, schema=SCHEMA))
IS_MIGRATED = text(f"SELECT to_regclass('{SCHEMA}.{VERSION_TABLE}') IS NOT NULL")
"""Whether Alembic has been there; only then may ``CURRENT_REVISION`` be asked for."""


async def migration_state(session: AsyncSession) -> MigrationState:
    """Compare Alembic's mark in the database with ``HEAD_REVISION``."""
    if not await session.scalar(IS_MIGRATED):
        return "out-of-date"
    return "up-to-date" if await session.scalar(CURRENT_REVISION) == HEAD_REVISION else "out-of-date"
