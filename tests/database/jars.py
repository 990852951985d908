"""A way to the database, and what is in the table `jar`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import Database, DatabaseSettings, DatabaseUrl


def settings(url: DatabaseUrl, **changes: Any) -> DatabaseSettings:
    return DatabaseSettings(**{"_env_file": None, "database_url": SecretStr(url.for_libpq()), **changes})


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM jar")) or 0)


ANSWER = text("SELECT 42")
COUNT = text("SELECT count(*) FROM jar")


@asynccontextmanager
async def opened(url: DatabaseUrl, service: str = "catalog", **changes: Any) -> AsyncIterator[Database]:
    database = Database.from_settings(settings(url, **changes), service)
    try:
        yield database
    finally:
        await database.close()


def insert(number: int) -> Any:
    async def unit(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO jar VALUES (:number)"), {"number": number})

    return unit


async def answer(session: AsyncSession) -> int:
    return int(await session.scalar(ANSWER) or 0)
