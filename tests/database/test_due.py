"""Rows that wait for their time: one that cannot be worked on keeps no other waiting."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from cathouse.database import AnyRow, Database, DatabaseSettings, DatabaseUrl, DueRows
from cathouse.errors import ServiceError
from cathouse.schema import Erasure
from tests.factories.accounts import user
from tests.fixtures.server import role_url

LEASE = dt.timedelta(minutes=5)
PAUSES = (dt.timedelta(seconds=5), dt.timedelta(minutes=1))


@pytest.fixture
async def database(clean_db: DatabaseUrl) -> AsyncIterator[Database]:
    url = SecretStr(role_url("auth", clean_db).for_libpq())
    opened = Database.from_settings(DatabaseSettings(_env_file=None, database_url=url), "auth")
    yield opened
    await opened.close()


def due_rows(at_once: int = 10) -> DueRows:
    return DueRows(Erasure, Erasure.user_id, at_once=at_once, lease=LEASE, pauses=PAUSES)


def write_down(engine: Engine, count: int) -> list[str]:
    with Session(engine) as session:
        persons = [user() for _ in range(count)]
        session.add_all(persons)
        session.flush()
        session.add_all(Erasure(user_id=person.id) for person in persons)
        session.commit()
        return [str(person.id) for person in persons]


@pytest.mark.parametrize("failure", [RuntimeError("a defect"), ServiceError("the owner is away")])
async def test_a_row_that_fails_keeps_no_other_waiting(
    database: Database, owner_engine: Engine, failure: Exception
) -> None:
    persons = write_down(owner_engine, 3)
    seen: list[str] = []

    async def advance(row: AnyRow) -> None:
        seen.append(str(row.user_id))
        if len(seen) == 1:
            raise failure

    with capture_logs() as logs:
        due_in = await due_rows().work(database, advance)
    assert sorted(seen) == sorted(persons)
    (line,) = [line for line in logs if line["event"] == "due.failed"]
    assert (line["table"], line["attempt"]) == ("erasures", 1)
    assert due_in == pytest.approx(LEASE.total_seconds(), abs=30)


async def test_a_row_is_taken_by_one_and_is_due_again_when_the_lease_is_over(
    database: Database, owner_engine: Engine
) -> None:
    write_down(owner_engine, 3)
    due = due_rows(at_once=2)
    assert [len(await database.write(due.claim)) for _ in range(3)] == [2, 1, 0]
    with owner_engine.connect() as connection:
        latest = func.max(Erasure.next_attempt_at) - func.now()
        assert connection.scalar(select(latest)) == pytest.approx(LEASE, abs=dt.timedelta(seconds=30))


def test_pauses_grow_and_the_last_one_stays() -> None:
    assert [due_rows().pause_after(attempts) for attempts in (0, 1, 2, 3, 99)] == [*PAUSES[:1] * 2, *PAUSES[1:] * 3]
