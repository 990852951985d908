"""All SQL about API keys."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys.keys import NewKey
from cathouse.database import AnyRow, newest_first
from cathouse.schema import ApiKey, Role, User

USE_NOTED_AFTER = dt.timedelta(minutes=1)
"""A key that is used all the time is not written to each time."""

_VIEW = (
    ApiKey.id,
    ApiKey.name,
    ApiKey.prefix,
    ApiKey.scopes,
    ApiKey.expires_at,
    ApiKey.last_used_at,
    ApiKey.created_at,
)


async def count_keys(session: AsyncSession, user_id: uuid.UUID) -> int | None:
    """How many keys an active person has; None when there is no such person.

    The person is locked, so that two creations at once count one another.
    """
    person = select(User.id).where(User.id == user_id, User.is_active).with_for_update()
    if await session.scalar(person) is None:
        return None
    return await session.scalar(select(func.count()).where(ApiKey.user_id == user_id)) or 0


async def add_key(
    session: AsyncSession,
    user_id: uuid.UUID,
    key: NewKey,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: dt.datetime | None,
) -> AnyRow:
    """Keep a key, without what opens anything."""
    statement = (
        insert(ApiKey)
        .values(
            id=uuid.uuid4(),
            user_id=user_id,
            name=name,
            prefix=key.prefix,
            hash=key.hash,
            scopes=list(scopes),
            expires_at=expires_at,
        )
        .returning(*_VIEW)
    )
    return (await session.execute(statement)).one()


async def list_keys(
    session: AsyncSession, user_id: uuid.UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AnyRow]:
    """A person's keys, newest first."""
    query = select(*_VIEW).where(ApiKey.user_id == user_id)
    query = newest_first(query, ApiKey.created_at, ApiKey.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def remove_key(session: AsyncSession, user_id: uuid.UUID, key_id: uuid.UUID) -> bool:
    """Remove one of a person's keys; false when it is not theirs."""
    statement = delete(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id).returning(ApiKey.id)
    return (await session.scalar(statement)) is not None


async def use_key(session: AsyncSession, key_hash: bytes) -> AnyRow | None:
    """A key that holds, with its developer; its use is noted. None when it does not hold."""
    held = (
        select(ApiKey.id, ApiKey.scopes, ApiKey.created_at, ApiKey.expires_at, User.id.label("user_id"))
        .join(User, User.id == ApiKey.user_id)
        .where(
            ApiKey.hash == key_hash,
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
            User.is_active,
            User.role != Role.PLAYER,
        )
        .cte("held")
    )
    noted = (
        update(ApiKey)
        .where(
            ApiKey.id.in_(select(held.c.id)),
            or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - USE_NOTED_AFTER),
        )
        .values(last_used_at=func.now())
        .cte("noted")
    )
    return (await session.execute(select(held).add_cte(noted))).one_or_none()
