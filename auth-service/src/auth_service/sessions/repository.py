"""All SQL about sessions."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Text, Uuid, bindparam, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.login_attempts.repository import FORGETTING, attempt_key
from cathouse.database import AnyRow, AnySelect, newest_first
from cathouse.schema import Session, User

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
    return select(begun).add_cte(FORGETTING.cte("forgotten"))


_BEGINNING = {column: _beginning(column) for column in get_args(ProofColumn)}
"""Made once: to put it together takes longer than to send it."""


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


async def revoke(session: AsyncSession, *conditions: ColumnElement[bool], now: dt.datetime, reason: str) -> int:
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
