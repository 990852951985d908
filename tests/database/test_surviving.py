"""A database that goes and comes back: nothing fails that need not, and nothing happens twice."""

import asyncio
import time
from functools import partial

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import Database, DatabaseUnavailableError, DatabaseUrl, OutcomeUnknownError
from tests.database.jars import answer, insert, opened
from tests.fixtures.own_server import OwnServer
from tests.fixtures.relay import Relay


async def test_reads_go_on_while_every_connection_is_terminated_every_two_seconds(
    clean_db: DatabaseUrl, owner_engine: Engine
) -> None:
    terminate = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'cathouse-catalog'"
    )
    terminated = done = 0
    ends = time.monotonic() + 7

    async def read_on(database: Database) -> None:
        nonlocal done
        while time.monotonic() < ends:
            assert await database.read(answer) == 42
            done += 1

    async def terminate_all() -> None:
        nonlocal terminated
        with owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while time.monotonic() < ends - 1:
                await asyncio.sleep(2)
                terminated += connection.scalar(terminate) or 0

    async with opened(clean_db) as database:
        await asyncio.gather(terminate_all(), *(read_on(database) for _ in range(16)))
    assert terminated >= 3
    assert done > 100


async def test_a_server_that_is_away_for_three_seconds_fails_no_read_and_doubles_no_write(
    own_server: OwnServer,
) -> None:
    acknowledged: list[int] = []
    unclear: list[int] = []
    ends = time.monotonic() + 6

    async def write_on(database: Database, first: int) -> None:
        number = first
        while time.monotonic() < ends:
            number += 8
            try:
                await database.write(insert(number))
                acknowledged.append(number)
            except OutcomeUnknownError:
                unclear.append(number)
            await asyncio.sleep(0.01)

    async def read_on(database: Database) -> None:
        while time.monotonic() < ends:
            assert await database.read(answer) == 42
            await asyncio.sleep(0.005)

    with own_server.engine().begin() as connection:
        connection.execute(text("CREATE TABLE jar (id int PRIMARY KEY)"))
    async with opened(own_server.url) as database:
        await database.read(answer)
        writers = [write_on(database, number) for number in range(8)]
        readers = [read_on(database) for _ in range(4)]
        await asyncio.gather(*writers, *readers, own_server.stop_for(3))
    # A primary key that came twice would have failed its writer; nothing that was acknowledged is missing.
    with own_server.engine().connect() as connection:
        kept = set(connection.scalars(text("SELECT id FROM jar")))
    assert set(acknowledged) <= kept <= set(acknowledged) | set(unclear)
    assert len(acknowledged) > 20


async def test_a_database_that_stays_away_is_told_within_the_deadline(own_server: OwnServer) -> None:
    async with opened(own_server.url) as database:
        await database.read(answer)
        await asyncio.to_thread(own_server.postgres.stop)
        started = time.monotonic()
        results = await asyncio.gather(
            database.read(answer), database.write(insert(1)), database.read(answer), return_exceptions=True
        )
    assert {type(result) for result in results} == {DatabaseUnavailableError}
    assert 5 < time.monotonic() - started < 12


async def test_a_deadlock_is_repeated_and_both_succeed(clean_db: DatabaseUrl, jar: Engine) -> None:
    with jar.begin() as connection:
        connection.execute(text("INSERT INTO jar VALUES (1), (2)"))
    attempts = 0
    both_hold_one = asyncio.Barrier(2)

    async def cross(session: AsyncSession, first: int, second: int) -> None:
        nonlocal attempts
        attempts += 1
        lock = text("SELECT id FROM jar WHERE id = :id FOR UPDATE")
        await session.execute(lock, {"id": first})
        if attempts <= 2:
            await both_hold_one.wait()
        await session.execute(lock, {"id": second})

    async with opened(clean_db) as database, asyncio.timeout(15):
        await asyncio.gather(
            database.write(partial(cross, first=1, second=2)), database.write(partial(cross, first=2, second=1))
        )
    assert attempts == 3


async def test_production_tries_five_times_within_thirty_seconds_and_logs_each(
    relay: Relay, clean_db: DatabaseUrl, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    relay.swallows = True  # the slowest way to fail: each attempt lasts as long as it may
    async with opened(relay.url(clean_db)) as database:
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match="no answer in time"):
            await database.open(attempts=5)
    assert 20 < time.monotonic() - started < 30
    said = "".join(capsys.readouterr()) + caplog.text
    assert said.count("database.connect_failed") == 4


async def test_development_fails_at_once() -> None:
    nowhere = DatabaseUrl.parse("postgresql://me:hush@127.0.0.1:1/cats")
    async with opened(nowhere) as database:
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match=r"Connect call failed|refused"):
            await database.open(attempts=1)
        assert time.monotonic() - started < 3
