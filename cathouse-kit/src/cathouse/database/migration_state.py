"""Whether the database's structure is the one that this code was written for."""

from typing import Literal

from sqlalchemy import Select, String, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import HEAD_REVISION, SCHEMA

MigrationState = Literal["up-to-date", "out-of-date"]

CURRENT_REVISION: Select[str] = select(column("version_num", String)).select_from(
    table("alembic_version", schema=SCHEMA)
)
_EXISTS = text(f"SELECT to_regclass('{SCHEMA}.alembic_version') IS NOT NULL")


async def migration_state(session: AsyncSession) -> MigrationState:
    """Compare Alembic's mark in the database with ``HEAD_REVISION``."""
    if not await session.scalar(_EXISTS):
        return "out-of-date"
    return "up-to-date" if await session.scalar(CURRENT_REVISION) == HEAD_REVISION else "out-of-date"
