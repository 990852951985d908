"""All SQL about what people log in with."""

import uuid

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import has_second_factor
from cathouse.database import AnyRow
from cathouse.schema import Role, User


async def find_credentials(session: AsyncSession, user_id: uuid.UUID) -> AnyRow | None:
    """What the account's own password is checked against."""
    query = select(
        User.email_key,
        User.display_name,
        User.password_hash,
        User.password_is_long,
        User.role,
        has_second_factor().label("has_second_factor"),
    ).where(User.id == user_id, User.is_active)
    return (await session.execute(query)).one_or_none()


async def become_developer(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Make a player a developer; false when it was none any more."""
    statement = update(User).where(User.id == user_id, User.role == Role.PLAYER).values(role=Role.DEVELOPER)
    return (await session.scalar(statement.returning(User.id))) is not None
