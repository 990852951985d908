"""All SQL of admins about accounts."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import profile_query
from cathouse.database import AnyRow, newest_first
from cathouse.schema import Erasure, Role, User


async def list_users(
    session: AsyncSession,
    *,
    search: str | None,
    role: Role | None,
    is_active: bool | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """Accounts, newest first; ``search`` is a part of the address or of the name."""
    query = profile_query()
    if search:
        part = search.lower()
        query = query.where(
            or_(
                User.email_key.contains(part, autoescape=True),
                func.lower(User.display_name).contains(part, autoescape=True),
            )
        )
    if role is not None:
        query = query.where(User.role == role)
    if is_active is not None:
        query = query.where(User.is_active == is_active)
    query = newest_first(query, User.created_at, User.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def lock_admins_and(session: AsyncSession, user_id: uuid.UUID) -> Mapping[uuid.UUID, AnyRow]:
    """The active admins and the account, by id, locked in the order of their ids until the transaction ends.

    So that two admins who demote one another at the same time do so one after the other.
    """
    query = (
        select(
            User.id,
            User.email,
            User.role,
            User.is_active,
            exists().where(Erasure.user_id == User.id).label("is_erased"),
        )
        .where(or_(User.id == user_id, (User.role == Role.ADMIN) & User.is_active))
        .order_by(User.id)
        .with_for_update(of=User)
    )
    return {row.id: row for row in (await session.execute(query)).all()}
