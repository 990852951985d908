"""An answer is kept with its effect or not at all, whoever comes in between and whatever breaks."""

import asyncio
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import (
    AnsweredBeforeError,
    Database,
    DatabaseUrl,
    IdempotencyKeyInUseError,
    IdempotencyKeyReusedError,
    KeptAnswer,
    KeyedRequest,
    Retention,
    accompanied_by,
    remove_old_answers,
)
from cathouse.database.portions import PORTION
from cathouse.errors import NotFoundError
from cathouse.schema import IdempotencyKey
from tests.database.jars import rows, settings
from tests.fixtures.erasures import add
from tests.fixtures.gaps import Gap
from tests.fixtures.relay import relay_to
from tests.fixtures.server import server_url

REQUEST = KeyedRequest("catalog", uuid.uuid4(), "POST /jar", "a-key", (b"this request", b"this under an older key"))
FIRST = {"id": 1}


@pytest.fixture
async def database(clean_db: DatabaseUrl) -> AsyncIterator[Database]:
    opened = Database.from_settings(settings(clean_db), "catalog")
    yield opened
    await opened.close()


async def write(database: Database, unit: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    with accompanied_by(KeptAnswer(REQUEST, status=201, body_of=lambda number: {"id": number})):
        return await database.write(unit)


def put(number: int) -> Callable[[AsyncSession], Awaitable[int]]:
    async def unit(session: AsyncSession) -> int:
        await session.execute(text("INSERT INTO jar VALUES (:number)"), {"number": number})
        return number

    return unit


def kept(**changes: Any) -> IdempotencyKey:
    """The answer as somebody else's transaction kept it."""
    values = {
        "service": REQUEST.service,
        "principal": REQUEST.principal,
        "route": REQUEST.route,
        "key": REQUEST.key,
        "request_hash": REQUEST.fingerprints[0],
        "status": 201,
        "body": FIRST,
    }
    return IdempotencyKey(**{**values, **changes})


def answers(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(IdempotencyKey)) or 0


async def test_an_answer_that_was_committed_behind_the_first_look_is_given_and_nothing_else_is_done(
    database: Database, jar: Engine
) -> None:
    async def unit(session: AsyncSession) -> int:
        add(jar, kept())  # the look-up came first, and this one did not hold the lock any more
        return await put(2)(session)

    with pytest.raises(AnsweredBeforeError) as before:
        await write(database, unit)
    assert (before.value.status, before.value.body) == (201, FIRST)
    assert (rows(jar), answers(jar)) == (0, 1)


async def test_what_stands_in_the_way_may_be_the_same_requests_own_effect(database: Database, jar: Engine) -> None:
    async def unit(session: AsyncSession) -> int:
        with jar.begin() as connection:
            connection.execute(text("INSERT INTO jar VALUES (1)"))
        add(jar, kept())
        try:
            return await put(1)(session)
        except IntegrityError:
            raise NotFoundError from None  # without a savepoint: nothing more can be asked in this transaction

    with pytest.raises(AnsweredBeforeError) as before:
        await write(database, unit)
    assert before.value.body == FIRST
    assert rows(jar) == 1


async def test_a_request_is_the_same_when_the_key_of_its_fingerprint_was_replaced_meanwhile(
    database: Database, jar: Engine
) -> None:
    add(jar, kept(request_hash=REQUEST.fingerprints[1]))
    with pytest.raises(AnsweredBeforeError) as before:
        await write(database, put(2))
    assert before.value.body == FIRST
    assert rows(jar) == 0


async def test_another_request_that_was_quicker_has_the_key(database: Database, jar: Engine) -> None:
    async def unit(session: AsyncSession) -> int:
        add(jar, kept(request_hash=b"another request"))
        return await put(2)(session)

    with pytest.raises(IdempotencyKeyReusedError):
        await write(database, unit)
    assert rows(jar) == 0


async def test_a_refusal_is_told_as_it_is_and_keeps_nothing(database: Database, jar: Engine) -> None:
    async def refuse(session: AsyncSession) -> int:
        await put(1)(session)
        raise NotFoundError

    with pytest.raises(NotFoundError):
        await write(database, refuse)
    assert (rows(jar), answers(jar)) == (0, 0)
    assert await write(database, put(1)) == 1


async def test_while_the_first_runs_the_second_is_told_to_wait(database: Database, jar: Engine) -> None:
    gap = Gap()

    async def slow(session: AsyncSession) -> int:
        await gap.wait_here()
        return await put(1)(session)

    first = asyncio.create_task(write(database, slow))
    await gap.reached()
    with pytest.raises(IdempotencyKeyInUseError) as refusal:
        await write(database, put(2))
    assert refusal.value.headers == {"Retry-After": "1"}
    gap.go_on()
    assert await first == 1
    with pytest.raises(AnsweredBeforeError) as before:
        await write(database, put(2))
    assert before.value.body == FIRST
    assert rows(jar) == 1


async def test_an_answer_that_is_there_is_given_while_somebody_else_asks_for_it(
    database: Database, jar: Engine
) -> None:
    await write(database, put(1))
    with jar.connect() as asking:
        name = f"idempotency {REQUEST.service} {REQUEST.principal} {REQUEST.route} {REQUEST.key}"
        lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
        assert asking.scalar(lock, {"name": name})
        with pytest.raises(AnsweredBeforeError):
            await write(database, put(2))


async def test_a_unit_that_is_repeated_keeps_one_answer(clean_db: DatabaseUrl, jar: Engine) -> None:
    attempts = 0

    async with relay_to(server_url()) as relay:
        database = Database.from_settings(settings(relay.url(clean_db)), "catalog")

        async def unit(session: AsyncSession) -> int:
            nonlocal attempts
            attempts += 1
            result = await put(1)(session)
            if attempts == 1:
                relay.cut()
            return result

        assert await write(database, unit) == 1
        await database.close()
    assert (attempts, rows(jar), answers(jar)) == (2, 1, 1)


async def test_two_units_cannot_share_one_answer(database: Database, jar: Engine) -> None:
    with accompanied_by(KeptAnswer(REQUEST, status=201, body_of=lambda number: {"id": number})):
        await database.write(put(1))
        with pytest.raises(RuntimeError, match="one unit of work"):
            await database.write(put(2))
    await database.write(put(3))  # nothing goes along any more
    assert (rows(jar), answers(jar)) == (2, 1)


DYING = """
import asyncio, os, sys, uuid
from sqlalchemy import event, text
from sqlalchemy.orm import Session
from cathouse.database import Database, DatabaseSettings, KeptAnswer, KeyedRequest, accompanied_by

async def unit(session):
    await session.execute(text("INSERT INTO jar VALUES (1)"))
    event.listen(Session, "before_commit", lambda _: os._exit(9))
    return 1

async def main():
    database = Database.from_settings(DatabaseSettings(_env_file=None, database_url=sys.argv[1]), "catalog")
    request = KeyedRequest("catalog", uuid.UUID(sys.argv[2]), "POST /jar", "a-key", (b"this request",))
    with accompanied_by(KeptAnswer(request, status=201, body_of=lambda number: {"id": number})):
        await database.write(unit)

asyncio.run(main())
"""


async def test_of_a_process_that_dies_before_its_commit_nothing_is_kept(
    clean_db: DatabaseUrl, database: Database, jar: Engine
) -> None:
    arguments = [sys.executable, "-c", DYING, clean_db.for_libpq(), str(REQUEST.principal)]
    died = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, check=False)
    assert died.returncode == 9, died.stderr
    assert (rows(jar), answers(jar)) == (0, 0)
    async with asyncio.timeout(10):
        while True:  # until the server has noticed, the dead one's lock holds
            try:
                assert await write(database, put(1)) == 1
                break
            except IdempotencyKeyInUseError:
                await asyncio.sleep(0.05)
    assert (rows(jar), answers(jar)) == (1, 1)


async def test_only_a_services_own_old_answers_go_however_many_and_by_however_many(
    clean_db: DatabaseUrl, owner_engine: Engine
) -> None:
    many = PORTION * 2 + 1
    statement = text(
        "INSERT INTO cathouse.idempotency_keys (service, principal, route, key, request_hash, status, created_at)"
        " SELECT :service, gen_random_uuid(), 'POST /jar', 'k' || number, '', 201, now() - CAST(:age AS interval)"
        " FROM generate_series(1, :count) AS number"
    )
    with owner_engine.begin() as connection:
        for service, age, count in (
            ("catalog", "24 hours 1 second", many),
            ("catalog", "23 hours 59 minutes", 3),
            ("installation", "25 hours", 2),
        ):
            connection.execute(statement, {"service": service, "age": age, "count": count})
    databases = [Database.from_settings(settings(clean_db, db_pool_size=1), "catalog") for _ in range(2)]
    replicas = [
        Retention(each, {"answers": lambda session: remove_old_answers(session, "catalog")}) for each in databases
    ]
    removed = await asyncio.gather(*(replica.remove_old() for replica in replicas))
    assert sum(each["answers"] for each in removed) == many
    with owner_engine.connect() as connection:
        left = connection.execute(
            select(IdempotencyKey.service, func.count().label("number")).group_by(IdempotencyKey.service)
        ).all()
    assert {each.service: each.number for each in left} == {"catalog": 3, "installation": 2}
    for each in databases:
        await each.close()
