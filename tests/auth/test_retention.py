"""What has had its time is removed, in portions, and nothing else."""

import asyncio
import datetime as dt
import uuid

import pytest
from sqlalchemy import Engine, func, insert, select, text

from auth_service.retention.service import make_retention
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from cathouse.schema import AuditAddress, LoginAttempt, Mail, OneTimeToken, Session, User
from tests.factories.accounts import user
from tests.fixtures.erasures import add

NOW = dt.datetime.now(dt.UTC)


def days(number: float) -> dt.datetime:
    return NOW - dt.timedelta(days=number)


def session(user_id: uuid.UUID, *, idle: float, end: float, revoked: float | None = None) -> Session:
    """A session whose three ends are so many days ago."""
    return Session(
        user_id=user_id,
        key_id="k",
        idle_expires_at=days(idle),
        expires_at=days(end),
        revoked_at=days(revoked) if revoked is not None else None,
        revoked_reason="logged_out" if revoked is not None else None,
    )


def token(user_id: uuid.UUID, *, end: float) -> OneTimeToken:
    return OneTimeToken(user_id=user_id, purpose="verify_email", token_hash=uuid.uuid4().bytes, expires_at=days(end))


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            model.__tablename__: connection.scalar(select(func.count()).select_from(model)) or 0
            for model in (LoginAttempt, OneTimeToken, AuditAddress, Session, User)
        }


@pytest.fixture
def settings(clean_db: DatabaseUrl) -> DatabaseSettings:
    return DatabaseSettings(_env_file=None, database_url=clean_db.for_libpq())


async def test_only_what_is_old_goes_however_much_it_is(owner_engine: Engine, settings: DatabaseSettings) -> None:
    person = user()
    add(owner_engine, person)
    add(
        owner_engine,
        session(person.id, idle=-1, end=-1),
        session(person.id, idle=29, end=-1),
        session(person.id, idle=-1, end=-1, revoked=29),
        session(person.id, idle=31, end=-1),
        session(person.id, idle=-1, end=31),
        session(person.id, idle=-1, end=-1, revoked=31),
        token(person.id, end=0.9),
        token(person.id, end=1.1),
        *(
            Mail(user_id=person.id, kind="verify_email", wrapped=b"", wrapping_key_id="k", expires_at=days(age))
            for age in (0.9, 1.1)
        ),
        *(AuditAddress(audit_event_id=uuid.uuid4(), ip="::1", created_at=days(age)) for age in (89, 91)),
    )
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE cathouse.login_attempts DISABLE TRIGGER touch_updated_at"))
        attempts = [
            {"key": uuid.uuid4().bytes, "updated_at": days(2 if number < 1300 else 0)} for number in range(1310)
        ]
        connection.execute(insert(LoginAttempt), [{"id": uuid.uuid4(), "failures": 1, **each} for each in attempts])
        connection.execute(text("ALTER TABLE cathouse.login_attempts ENABLE TRIGGER touch_updated_at"))
    databases = [Database.from_settings(settings, "auth") for _ in range(2)]
    removed = await asyncio.gather(*(make_retention(database).remove_old() for database in databases))
    assert {table: sum(each[table] for each in removed) for table in removed[0]} == {
        "login_attempts": 1300,
        "one_time_tokens": 1,
        "mails": 1,
        "audit_addresses": 1,
        "sessions": 3,
    }
    assert counts(owner_engine) == {
        "login_attempts": 10,
        "one_time_tokens": 1,
        "audit_addresses": 1,
        "sessions": 3,
        "users": 1,
    }
    for database in databases:
        await database.close()
