"""All SQL about sessions."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import (
    LargeBinary,
    Text,
    Uuid,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import has_second_factor
from cathouse.database import AnyRow, AnySelect, newest_first
from cathouse.schema import LoginAttempt, Session, User

FREE_ATTEMPTS = 5
FIRST_LOCK = dt.timedelta(seconds=30)
LONGEST_LOCK = dt.timedelta(minutes=15)
"""All three: design/security.md, "Passwords and logging in"."""

FORGOTTEN_AFTER = dt.timedelta(days=1)
"""Failures older than that say nothing of today."""

ProofColumn = Literal["password_hash", "clerk_user_id"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What an account was seen to have when somebody proved to be its owner; without it no session begins."""

    column: ProofColumn
    value: str
    role: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """What is known of a log-in when its session begins."""

    user_id: uuid.UUID
    proof: Proof
    key_id: str
    amr: list[str]
    user_agent: str | None
    ip: str | None
    authenticated_at: dt.datetime
    idle_expires_at: dt.datetime
    expires_at: dt.datetime


def _counting() -> AnySelect:
    """A statement that counts an attempt and finds the account, of ``attempt_key`` and ``email_key``."""
    is_stale = LoginAttempt.updated_at < func.now() - FORGOTTEN_AFTER
    failures = case((is_stale, 1), else_=LoginAttempt.failures + 1)
    # A lock from 30 s on, doubling with each further failure.
    lock = func.least(FIRST_LOCK * func.power(2, failures - FREE_ATTEMPTS), LONGEST_LOCK)
    counted = (
        upsert(LoginAttempt)
        .values(key=bindparam("attempt_key", type_=LargeBinary), failures=1)
        .on_conflict_do_update(
            constraint="uq_login_attempts_key",
            set_={
                "failures": failures,
                "locked_until": case((failures >= FREE_ATTEMPTS, func.now() + lock)),
            },
            where=or_(LoginAttempt.locked_until.is_(None), LoginAttempt.locked_until <= func.now()),
        )
        .returning(LoginAttempt.id)
        .cte("counted")
    )
    return (
        select(
            exists(select(counted.c.id)).label("is_counted"),
            User.id,
            User.role,
            User.is_active,
            User.password_hash,
            User.password_is_long,
            User.email_verified_at,
            has_second_factor().label("has_second_factor"),
        )
        .select_from(select(literal(1)).subquery("always"))
        .outerjoin(User, User.email_key == bindparam("email_key", type_=Text))
    )


_COUNTING = _counting()
"""Made once: to put it together takes longer than to send it."""


async def count_attempt(session: AsyncSession, email_key: str) -> AnyRow:
    """Count an attempt to log in, and return what it is checked against.

    One statement. ``is_counted`` is false while the address is locked: then nothing is counted. The other columns are
    null when there is no such account.
    """
    given = {"attempt_key": attempt_key(email_key), "email_key": email_key}
    return (await session.execute(_COUNTING, given)).one()


async def take_back_attempt(session: AsyncSession, email_key: str) -> None:
    """Uncount an attempt that was no guess: its password was right, and something else is still wanted."""
    failures = func.greatest(LoginAttempt.failures - 1, 0)
    await session.execute(
        update(LoginAttempt)
        .where(LoginAttempt.key == attempt_key(email_key))
        .values(
            failures=failures,
            locked_until=case((failures >= FREE_ATTEMPTS, LoginAttempt.locked_until)),
        )
    )


def attempt_key(email_key: str) -> bytes:
    """What an address's attempts are counted under: whoever reads the table learns no address."""
    return hashlib.sha256(email_key.encode()).digest()


async def forget_attempts(session: AsyncSession, email_key: str) -> None:
    """Begin to count from nothing again: somebody has shown the right password."""
    await session.execute(_FORGETTING, {"attempt_key": attempt_key(email_key)})


_FORGETTING = delete(LoginAttempt).where(LoginAttempt.key == bindparam("attempt_key", type_=LargeBinary))

_GIVEN = ("key_id", "amr", "user_agent", "ip", "authenticated_at", "idle_expires_at", "expires_at")


def _beginning(column: ProofColumn) -> AnySelect:
    """A statement that adds a session, of what ``add_session`` gives it."""
    columns = {
        "id": bindparam("new_id", type_=Uuid),
        "user_id": User.id,
        **{name: bindparam(name, type_=Session.__table__.c[name].type) for name in _GIVEN},
    }
    person = (
        select(*columns.values())
        .where(
            User.id == bindparam("person_id", type_=Uuid),
            User.is_active,
            User.role == bindparam("role", type_=Text),
            User.__table__.c[column] == bindparam("proved", type_=Text),
        )
        .with_for_update(read=True, of=User)
    )
    begun = (
        insert(Session)
        .from_select(list(columns), person, include_defaults=False)
        .returning(Session.id, Session.authenticated_at, Session.amr, Session.key_id, Session.refresh_counter)
        .cte("begun")
    )
    return select(begun).add_cte(_FORGETTING.cte("forgotten"))


_BEGINNING = {column: _beginning(column) for column in get_args(ProofColumn)}
"""Made once, like ``_COUNTING``."""


async def add_session(session: AsyncSession, new: NewSession, *, email_key: str | None) -> AnyRow | None:
    """Begin a session, forget the failures of its address, and return what the tokens are made of.

    None when the account was closed meanwhile, or is not any more what was proved. The account's row is locked against
    changes: what ends all sessions of a person either comes before, and is seen, or afterwards, and ends this one too.
    """
    given = {
        "new_id": uuid.uuid4(),
        "person_id": new.user_id,
        "role": new.proof.role,
        "proved": new.proof.value,
        **{name: getattr(new, name) for name in _GIVEN},
        "attempt_key": attempt_key(email_key) if email_key is not None else None,
    }
    return (await session.execute(_BEGINNING[new.proof.column], given)).one_or_none()


async def lock_session(session: AsyncSession, session_id: uuid.UUID) -> AnyRow | None:
    """The session with its person's role, locked: parallel refreshes follow one another."""
    query = (
        select(
            Session.id,
            Session.user_id,
            Session.refresh_counter,
            Session.key_id,
            Session.authenticated_at,
            Session.amr,
            Session.rotated_at,
            Session.idle_expires_at,
            Session.expires_at,
            Session.revoked_at,
            User.role,
            User.is_active,
        )
        .join(User, User.id == Session.user_id)
        .where(Session.id == session_id)
        .with_for_update(of=Session)
    )
    return (await session.execute(query)).one_or_none()


async def rotate(
    session: AsyncSession, session_id: uuid.UUID, *, counter: int, now: dt.datetime, idle_expires_at: dt.datetime
) -> None:
    """Make ``counter`` the newest token of the session."""
    await session.execute(
        update(Session)
        .where(Session.id == session_id)
        .values(refresh_counter=counter, rotated_at=now, last_used_at=now, idle_expires_at=idle_expires_at)
    )


async def revoke(session: AsyncSession, *conditions: Any, now: dt.datetime, reason: str) -> int:  # noqa: ANN401 - SQL conditions
    """End the living sessions that meet ``conditions`` and return how many there were."""
    result = await session.execute(
        update(Session)
        .where(Session.revoked_at.is_(None), *conditions)
        .values(revoked_at=now, revoked_reason=reason)
        .returning(Session.id)
    )
    return len(result.all())


async def revoke_session(session: AsyncSession, session_id: uuid.UUID, *, now: dt.datetime, reason: str) -> int:
    """End one session."""
    return await revoke(session, Session.id == session_id, now=now, reason=reason)


async def revoke_own_session(
    session: AsyncSession, session_id: uuid.UUID, user_id: uuid.UUID, *, now: dt.datetime, reason: str
) -> int:
    """End one session of a person, when it is theirs."""
    return await revoke(session, Session.id == session_id, Session.user_id == user_id, now=now, reason=reason)


async def revoke_sessions_of(session: AsyncSession, user_id: uuid.UUID, *, now: dt.datetime, reason: str) -> int:
    """End all sessions of a person."""
    return await revoke(session, Session.user_id == user_id, now=now, reason=reason)


async def list_sessions(
    session: AsyncSession,
    user_id: uuid.UUID,
    *,
    current_id: uuid.UUID | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """The living sessions of a person, newest first."""
    query = select(
        Session.id,
        Session.user_agent,
        Session.ip,
        Session.created_at,
        Session.last_used_at,
        func.least(Session.idle_expires_at, Session.expires_at).label("expires_at"),
        (Session.id == current_id if current_id is not None else literal(value=False)).label("current"),
    ).where(
        Session.user_id == user_id,
        Session.revoked_at.is_(None),
        Session.idle_expires_at > func.now(),
        Session.expires_at > func.now(),
    )
    query = newest_first(query, Session.created_at, Session.id, after=after, limit=limit)
    return (await session.execute(query)).all()
