"""Units of work: committed before they return, first come first served, repeated when it is safe."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from cathouse.database import (
    SHARES,
    BatchLoader,
    Database,
    DatabaseSettings,
    DatabaseUnavailableError,
    DatabaseUrl,
    HealthProbe,
    PoolExhaustedError,
    Share,
)
from cathouse.database.budget import check_budget, divide, parse_shares
from tests.database.jars import rows, settings
from tests.fixtures.server import role_url


@pytest.fixture
async def database(clean_db: DatabaseUrl) -> AsyncIterator[Database]:
    opened = Database.from_settings(settings(clean_db), "auth")
    yield opened
    await opened.close()


async def test_a_write_is_committed_when_it_returns(database: Database, jar: Engine) -> None:
    await database.write(lambda session: session.execute(text("INSERT INTO jar VALUES (1)")))
    assert rows(jar) == 1


async def test_an_exception_rolls_everything_back(database: Database, jar: Engine) -> None:
    async def unit(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO jar VALUES (1)"))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(unit)
    assert rows(jar) == 0


async def test_a_commit_that_fails_is_no_success(database: Database, jar: Engine) -> None:
    with pytest.raises(DBAPIError, match="violates foreign key"):
        await database.write(lambda session: session.execute(text("INSERT INTO jar VALUES (1, 99)")))
    assert rows(jar) == 0
    await database.write(lambda session: session.execute(text("INSERT INTO jar VALUES (1)")))


async def test_a_cut_connection_is_not_noticed_by_a_read(database: Database, owner_engine: Engine) -> None:
    name = await database.read(lambda session: session.scalar(text("SELECT current_setting('application_name')")))
    assert name == "cathouse-auth"
    with owner_engine.begin() as connection:
        cut = connection.scalar(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'cathouse-auth' AND datname = current_database()"
            )
        )
    assert cut == 1
    assert await database.read(lambda session: session.scalar(text("SELECT 1"))) == 1


async def test_a_write_is_repeated_when_nothing_was_committed_yet(database: Database, jar: Engine) -> None:
    attempts = 0

    async def unit(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("INSERT INTO jar VALUES (1)"))
        if attempts == 1:
            backend = await session.scalar(text("SELECT pg_backend_pid()"))
            with jar.begin() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})
        await session.execute(text("SELECT 1"))

    await database.write(unit)
    assert (attempts, rows(jar)) == (2, 1)


async def test_a_value_that_does_not_fit_is_an_error_at_once_and_no_reason_to_repeat(database: Database) -> None:
    attempts = 0

    async def unit(session: AsyncSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("SELECT CAST(:number AS int)"), {"number": 2**40})

    with pytest.raises(DBAPIError, match="value out of int32 range"):
        await database.read(unit)
    assert attempts == 1


async def test_units_pass_in_the_order_in_which_they_came(database: Database) -> None:
    order: list[int] = []

    async def unit(number: int) -> None:
        async def work(session: AsyncSession) -> None:
            order.append(number)
            await session.execute(text("SELECT pg_sleep(0.01)"))

        await database.read(work)

    await asyncio.gather(unit(0), unit(1))  # from here on there are two connections
    order.clear()
    await asyncio.gather(*(unit(number) for number in range(20)))
    # Neighbours may swap, nobody overtakes the queue.
    assert all(abs(place - number) <= 1 for place, number in enumerate(order))


async def test_a_hundred_units_good_bad_and_abandoned_leave_no_connection_in_use(
    clean_db: DatabaseUrl, owner_engine: Engine
) -> None:
    database = Database.from_settings(settings(clean_db), "catalog")

    async def unit(session: AsyncSession, number: int) -> None:
        await session.execute(text("SELECT pg_sleep(0.01)"))
        if number % 3 == 1:
            raise LookupError
        if number % 3 == 2:
            await session.execute(text("SELECT 1 / 0"))

    running = [
        asyncio.create_task((database.write if number % 2 else database.read)(partial(unit, number=number)))
        for number in range(100)
    ]
    await asyncio.sleep(0.1)
    for task in running[::7]:
        task.cancel()
    results = await asyncio.gather(*running, return_exceptions=True)
    kinds = {type(result).__name__ for result in results}
    assert kinds == {"NoneType", "LookupError", "DBAPIError", "CancelledError"}
    assert database.pool_state() == {"size": 3, "max": 3, "in_use": 0, "waiting": 0}
    await asyncio.gather(*(database.read(lambda session: session.scalar(text("SELECT 1"))) for _ in range(50)))
    with owner_engine.connect() as connection:
        mine = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cathouse-catalog'"
        assert connection.scalar(text(f"SELECT count(*) {mine}")) <= 3
        assert connection.scalar(text(f"SELECT count(*) {mine} AND state LIKE 'idle in transaction%'")) == 0
    await database.close()


async def test_who_waits_too_long_for_a_connection_is_told_so(clean_db: DatabaseUrl) -> None:
    database = Database.from_settings(
        settings(clean_db, db_pool_size=1, db_max_overflow=0, db_pool_timeout=0.2), "auth"
    )
    holding = asyncio.create_task(database.read(lambda session: session.execute(text("SELECT pg_sleep(1)"))))
    await asyncio.sleep(0.05)
    assert database.pool_state() == {"size": 1, "max": 1, "in_use": 1, "waiting": 0}
    with pytest.raises(PoolExhaustedError) as refusal:
        await database.read(lambda session: session.execute(text("SELECT 1")))
    assert refusal.value.status == 503
    assert refusal.value.headers["Retry-After"]
    await holding
    assert database.gate.in_use == 0
    await database.close()


async def test_a_database_that_is_not_there_is_named_and_its_password_is_not() -> None:
    nowhere = DatabaseUrl.parse("postgresql://me:hush@127.0.0.1:1/cats")
    database = Database.from_settings(settings(nowhere), "auth")
    with pytest.raises(DatabaseUnavailableError, match=r"me@127\.0\.0\.1:1/cats") as failure:
        await database.open(attempts=1)
    assert "hush" not in str(failure.value)
    await database.close()


async def test_health_answers_while_the_pool_is_exhausted(clean_db: DatabaseUrl) -> None:
    database = Database.from_settings(settings(clean_db, db_pool_size=1, db_max_overflow=0), "auth")
    probe = HealthProbe(database)
    first = await probe.check()
    assert (first.status, first.migration, first.database) == ("healthy", "up-to-date", clean_db.name)
    assert first.vector_version
    holding = asyncio.create_task(database.read(lambda session: session.execute(text("SELECT pg_sleep(60)"))))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        second = await probe.check()
    assert second.status == "healthy"
    assert second.age_ms is not None
    assert second.age_ms >= 50
    assert not holding.done()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    await probe.close()
    await database.close()


async def test_a_distant_database_is_well(database: Database) -> None:
    probe = HealthProbe(database)
    await probe.check(wait_s=5)
    assert probe._last is not None
    probe._last = replace(probe._last, at=probe._last.at - 60)  # nobody asked for a minute
    async with database.gate.enter(), database.gate.enter():  # and now the answer takes longer than anybody waits
        waiting = await probe.check(wait_s=0.01)
        assert waiting.status == "healthy"
        assert waiting.age_ms is not None
        assert waiting.age_ms > 59_000
    await probe.close()


async def test_a_database_that_refuses_is_not_well_for_longer_than_five_seconds(database: Database) -> None:
    probe = HealthProbe(database)
    await probe.check(wait_s=5)
    assert probe._last is not None
    probe._last = replace(probe._last, at=probe._last.at - 6)
    await database.close()
    database._read_engine = create_async_engine("postgresql+asyncpg://nobody:x@127.0.0.1:1/none")
    first = await probe.check(wait_s=0.01)
    assert first.status == "healthy"
    for _ in range(50):
        later = await probe.check(wait_s=0.2)
        if later.status == "unhealthy":
            break
    assert later.status == "unhealthy"
    await probe.close()


def test_all_services_together_stay_under_ten_connections() -> None:
    assert sum(share.total for share in SHARES.values()) == 9


def test_a_share_that_breaks_the_budget_is_refused_with_a_division_that_fits(clean_db: DatabaseUrl) -> None:
    with pytest.raises(ValueError, match=r"would open 12 database connections .*DB_CONNECTION_BUDGET is 9") as refusal:
        settings(clean_db, db_pool_size=5).share("auth")
    assert 'DB_SHARES="auth=2 catalog=3 installation=3 proxy=1"' in str(refusal.value)
    with pytest.raises(ValueError, match=r"REPLICAS=2.* DB_SHARES=\"auth=1 catalog=1 installation=1 proxy=1\""):
        settings(clean_db, replicas=2).share("auth")
    with pytest.raises(ValueError, match="Run at most 2 replicas of each"):
        settings(clean_db, replicas=3).share("auth")
    assert settings(clean_db, replicas=2, db_connection_budget=18).share("auth") == SHARES["auth"]


@given(st.integers(4, 200))
def test_every_proposed_division_fits(connections: int) -> None:
    shares = divide(connections)
    assert shares is not None
    assert sum(share.total for share in shares.values()) == connections
    check_budget(shares, replicas=1, budget=connections)
    written = " ".join(f"{service}={share}" for service, share in shares.items())
    assert parse_shares(written) == shares
    assert all(share.size >= 1 for share in shares.values())


def test_shares_are_given_alike_to_all_so_that_each_service_sees_the_sum(clean_db: DatabaseUrl) -> None:
    grown = settings(clean_db, db_shares="auth=3 catalog=3+1", db_connection_budget=11)
    assert grown.share("auth") == Share(3, 0)
    assert grown.share("catalog") == Share(3, 1)
    assert grown.share("proxy") == SHARES["proxy"]
    with pytest.raises(ValueError, match=r"auth 3 .* catalog 4"):
        settings(clean_db, db_shares="auth=3 catalog=3+1", db_connection_budget=10).share("proxy")


@pytest.mark.parametrize("written", ["auth", "auth=0", "nobody=1", "auth=1+", "auth=-1"])
def test_a_share_that_cannot_be_read_is_named(clean_db: DatabaseUrl, written: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(repr(written))} is no share: expected SERVICE=KEPT"):
        settings(clean_db, db_shares=written)


def test_a_pooler_lifts_the_budget(clean_db: DatabaseUrl) -> None:
    assert settings(clean_db, db_pool_size=20, database_pooler="transaction").share("auth") == Share(20, 0)


def test_the_url_can_be_assembled_from_its_parts() -> None:
    parts = DatabaseSettings(
        _env_file=None,
        postgres_user="me",
        postgres_password=SecretStr("p@ss/w:rd%"),
        postgres_server="db.example.com",
        postgres_db="cats",
    )
    assert parts.url().password == "p@ss/w:rd%"
    assert repr(parts.url()) == "me@db.example.com:5432/cats"


async def test_a_service_logs_in_as_its_own_role(clean_db: DatabaseUrl) -> None:
    database = Database.from_settings(settings(role_url("proxy", clean_db)), "proxy")
    assert await database.read(lambda session: session.scalar(text("SELECT current_user"))) == "cathouse_proxy_login"
    assert await database.read(lambda session: session.scalar(text("SHOW jit"))) == "off"
    await database.close()


async def test_lookups_that_come_together_share_a_query() -> None:
    asked: list[list[int]] = []

    async def load(keys: Any) -> dict[int, str]:
        asked.append(list(keys))
        await asyncio.sleep(0.01)
        return {key: f"#{key}" for key in keys if key != 7}

    loader: BatchLoader[int, str] = BatchLoader(load)
    found = await asyncio.gather(*(loader.get(number % 10) for number in range(50)))
    assert found == [f"#{number % 10}" if number % 10 != 7 else None for number in range(50)]
    assert len(asked) <= 2
    await loader.get(1)
    assert asked[-1] == [1]


async def test_a_lookup_is_never_answered_with_what_was_read_before_it_was_asked() -> None:
    value = "old"
    reading = asyncio.Event()

    async def load(keys: Any) -> dict[int, str]:
        seen = value
        reading.set()
        await asyncio.sleep(0.01)
        return dict.fromkeys(keys, seen)

    loader: BatchLoader[int, str] = BatchLoader(load)
    early = asyncio.create_task(loader.get(1))
    await reading.wait()
    value = "new"
    assert await loader.get(1) == "new"
    assert await early == "old"


async def test_a_failed_batch_fails_for_all_and_the_next_one_works() -> None:
    failing = True

    async def load(keys: Any) -> dict[int, str]:
        if failing:
            raise LookupError
        return dict.fromkeys(keys, "fine")

    loader: BatchLoader[int, str] = BatchLoader(load)
    results = await asyncio.gather(loader.get(1), loader.get(2), return_exceptions=True)
    assert all(isinstance(result, LookupError) for result in results)
    failing = False
    assert await loader.get(1) == "fine"
