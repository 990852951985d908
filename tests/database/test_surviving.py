"""A database that goes, comes back, says no, or says nothing: what a caller gets, and that nothing happens twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import (
    Database,
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    DatabaseUrl,
    OutcomeUnknownError,
)
from tests.database.jars import rows, settings
from tests.fixtures.house import by_way_of
from tests.fixtures.own_server import OwnServer
from tests.fixtures.relay import AtCommit, Relay, relay_to
from tests.fixtures.server import server_url

ANSWER = text("SELECT 42")
COUNT = text("SELECT count(*) FROM jar")


@asynccontextmanager
async def opened(url: DatabaseUrl, service: str = "catalog", **changes: Any) -> AsyncIterator[Database]:
    database = Database.from_settings(settings(url, **changes), service)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    async with relay_to(server_url()) as running:
        yield running


def insert(number: int) -> Any:
    async def unit(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO jar VALUES (:number)"), {"number": number})

    return unit


async def answer(session: AsyncSession) -> int:
    return int(await session.scalar(ANSWER) or 0)


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


async def test_a_server_without_a_free_place_is_waited_for(login: DatabaseUrl, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {login.user} CONNECTION LIMIT 1"))
    async with opened(login) as holder, opened(login) as database:
        await holder.read(answer)
        waiting = asyncio.create_task(database.read(answer))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await holder.close()
        assert await waiting == 42


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


def deny(engine: Engine, statement: str, state: str) -> None:
    """Let the database refuse to write to ``jar`` as a server in trouble does."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION '{statement}' USING ERRCODE = '{state}'; END $$"
            )
        )
        connection.execute(text("CREATE TRIGGER deny BEFORE INSERT ON jar FOR EACH ROW EXECUTE FUNCTION deny()"))


async def test_a_full_disk_is_told_and_reading_goes_on(clean_db: DatabaseUrl, jar: Engine) -> None:
    # A disk cannot be filled here without harm to others: the server's own code for it is raised instead.
    deny(jar, "could not extend file: No space left on device", "disk_full")
    async with opened(clean_db) as database:
        with pytest.raises(DatabaseFullError) as refusal:
            await database.write(insert(1))
        assert await database.read(answer) == 42
    assert refusal.value.headers["Retry-After"] == "60"
    assert "space" not in str(refusal.value)


async def test_a_database_that_became_read_only_is_told_and_reading_goes_on(clean_db: DatabaseUrl, jar: Engine) -> None:
    with jar.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {clean_db.name} SET default_transaction_read_only = on"))
    async with opened(clean_db) as database:
        with pytest.raises(DatabaseReadOnlyError):
            await database.write(insert(1))
        assert await database.read(answer) == 42


@pytest.fixture
def login(clean_db: DatabaseUrl, owner_engine: Engine) -> Iterator[DatabaseUrl]:
    """A login of its own, whose password a test may change."""
    user = f"login_{clean_db.name[-12:]}"
    with owner_engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {user} LOGIN PASSWORD 'the-old-one'"))
    yield clean_db.replace(user=user, password="the-old-one")
    with owner_engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :user"), {"user": user}
        )
        connection.execute(text(f"DROP ROLE {user}"))


def rotate(engine: Engine, login: DatabaseUrl) -> DatabaseUrl:
    """Change the password, and break what is connected with the old one."""
    with engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {login.user} PASSWORD 'the-new-one'"))
    with engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :user"), {"user": login.user}
        )
    return login.replace(password="the-new-one")


async def test_a_rotated_password_is_told_at_once_and_never_shown(
    login: DatabaseUrl, owner_engine: Engine, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(login) as database:
        assert await database.read(answer) == 42
        rotate(owner_engine, login)
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            await database.read(answer)
        assert time.monotonic() - started < 3
    said = "".join(capsys.readouterr()) + caplog.text
    assert "database.login_refused" in said
    assert "password is wrong" in said
    assert "the-old-one" not in said


async def test_a_rotated_password_in_a_file_is_taken_up_without_a_restart(
    login: DatabaseUrl, owner_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "database_url"
    file.write_text(login.for_libpq())
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    async with opened(login) as database:
        assert await database.read(answer) == 42
        new = rotate(owner_engine, login)
        with pytest.raises(DatabaseUnavailableError):
            await database.read(answer)
        file.write_text(new.for_libpq() + "\n")
        assert await database.read(answer) == 42


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
