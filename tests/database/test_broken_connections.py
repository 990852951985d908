"""A connection that breaks or falls silent: what a caller gets, and that nothing happens twice."""

import asyncio
import time

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import DatabaseUnavailableError, DatabaseUrl, OutcomeUnknownError
from tests.database.jars import ANSWER, answer, insert, opened, rows
from tests.fixtures.house import by_way_of
from tests.fixtures.own_server import OwnServer
from tests.fixtures.relay import AtCommit, Relay


@pytest.mark.parametrize(("cut", "kept"), [(AtCommit.AFTER, 1), (AtCommit.BEFORE, 0)])
async def test_a_commit_without_an_answer_is_said_to_be_unknown_and_not_repeated(
    clean_db: DatabaseUrl, jar: Engine, relay: Relay, cut: AtCommit, kept: int
) -> None:
    attempts = 0

    async def unit(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("INSERT INTO jar VALUES (1)"))

    async with opened(relay.url(clean_db)) as database:
        await database.read(answer)
        relay.cut_at_commit = cut
        with pytest.raises(OutcomeUnknownError) as failure:
            await database.write(unit)
        assert failure.value.status == 503
        assert (attempts, rows(jar)) == (1, kept)
        await database.write(insert(2))  # the next one finds a good connection


async def test_a_connection_that_breaks_before_commit_costs_a_repetition_only(
    clean_db: DatabaseUrl, jar: Engine, relay: Relay
) -> None:
    attempts = 0

    async def unit(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("INSERT INTO jar VALUES (1)"))
        if attempts == 1:
            relay.cut()
            await asyncio.sleep(0.05)
        await session.execute(ANSWER)

    async with opened(relay.url(clean_db)) as database:
        await database.write(unit)
    assert (attempts, rows(jar)) == (2, 1)


async def test_what_may_not_count_twice_is_never_repeated(clean_db: DatabaseUrl, jar: Engine, relay: Relay) -> None:
    attempts = 0

    async def count(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("INSERT INTO jar VALUES (:number)"), {"number": attempts})
        relay.cut()
        await session.execute(ANSWER)

    async with opened(relay.url(clean_db)) as database:
        with pytest.raises(DatabaseUnavailableError, match="connection broke"):
            await database.once(count)
    assert (attempts, rows(jar)) == (1, 1)


async def test_what_may_not_count_twice_waits_for_a_database_that_is_waking_up(own_server: OwnServer) -> None:
    async with opened(own_server.url) as database:
        assert await database.once(answer) == 42
        stopping = asyncio.create_task(own_server.stop_for(1))
        await asyncio.sleep(1.2)  # idle for longer than a connection is trusted, and now without a server
        assert await database.once(answer) == 42
        await stopping


async def test_a_network_that_swallows_everything_costs_no_more_than_the_time_outs(
    clean_db: DatabaseUrl, jar: Engine, relay: Relay
) -> None:
    async with opened(relay.url(clean_db), db_command_timeout=1) as database:
        await asyncio.gather(*(database.read(answer) for _ in range(3)))
        relay.swallows = True
        started = time.monotonic()
        results = await asyncio.gather(database.read(answer), database.write(insert(1)), return_exceptions=True)
        assert {type(result) for result in results} == {DatabaseUnavailableError}
        assert time.monotonic() - started < 16  # the deadline of 10 s, and the last attempt's connecting
        assert rows(jar) == 0
        relay.swallows = False
        relay.cut()
        await database.write(insert(1))
    assert rows(jar) == 1


async def test_a_commit_that_is_swallowed_is_unknown_after_the_statements_time_out(
    clean_db: DatabaseUrl, jar: Engine, relay: Relay
) -> None:
    async def unit(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO jar VALUES (1)"))
        relay.swallows = True

    async with opened(relay.url(clean_db), db_command_timeout=0.5) as database:
        with pytest.raises(OutcomeUnknownError):
            await database.write(unit)
        relay.swallows = False
        relay.cut()
        await database.read(answer)
    assert rows(jar) == 0


async def test_an_idle_connection_whose_network_is_gone_is_noticed_before_it_is_used(
    clean_db: DatabaseUrl, relay: Relay
) -> None:
    async with opened(relay.url(clean_db)) as database:
        await database.read(answer)
        await asyncio.sleep(1.1)  # idle for longer than a connection is trusted
        relay.cut()
        assert await database.read(answer) == 42


@pytest.mark.parametrize("way", ["direct", "pgbouncer"])
async def test_an_idle_connection_that_is_well_is_used_again(
    clean_db: DatabaseUrl, way: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = text("SELECT pg_backend_pid()")
    url, mode = clean_db, "none"
    if way == "pgbouncer":
        url, mode = by_way_of(request.getfixturevalue("pooler"))(clean_db), "transaction"
    async with opened(url, "proxy", database_pooler=mode) as database:
        first = await database.read(lambda session: session.scalar(backend))
        await asyncio.sleep(1.1)
        assert await database.read(lambda session: session.scalar(backend)) == first
    assert "database.connection_dropped" not in "".join(capsys.readouterr())


async def test_an_abandoned_unit_gives_its_connection_back(clean_db: DatabaseUrl) -> None:
    async with opened(clean_db, "proxy") as database:
        slow = asyncio.create_task(database.read(lambda session: session.execute(text("SELECT pg_sleep(30)"))))
        await asyncio.sleep(0.1)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        async with asyncio.timeout(5):
            assert await database.read(answer) == 42
        assert database.gate.in_use == 0
