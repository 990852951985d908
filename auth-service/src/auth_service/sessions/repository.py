"""All SQL about sessions."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Session, User


@dataclass(frozen=True, slots=True)
class NewSession:
    """What is known of a log-in when its session begins."""

    user_id: uuid.UUID
    key_id: str
    amr: list[str]
    user_agent: str | None
    ip: str | None
    idle_expires_at: dt.datetime
    expires_at: dt.datetime


async def find_credentials(session: AsyncSession, email_key: str) -> AnyRow | None:
    """What a log-in is checked against."""
    query = select(User.id, User.role, User.is_active, User.password_hash).where(User.email_key == email_key)
    return (await session.execute(query)).one_or_none()


async def add_session(session: AsyncSession, new: NewSession) -> Session:
    """Begin a session and return it with what the database added."""
    begun = Session(
        user_id=new.user_id,
        key_id=new.key_id,
        amr=new.amr,
        user_agent=new.user_agent,
        ip=new.ip,
        idle_expires_at=new.idle_expires_at,
        expires_at=new.expires_at,
    )
    session.add(begun)
    await session.flush()
    return begun


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


async def revoke_sessions_of(session: AsyncSession, user_id: uuid.UUID, *, now: dt.datetime, reason: str) -> int:
    """End all sessions of a person."""
    return await revoke(session, Session.user_id == user_id, now=now, reason=reason)
