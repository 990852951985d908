"""All SQL about accounts that Clerk vouches for."""

import uuid

from sqlalchemy import case, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import has_second_factor
from cathouse.database import AnyRow, broken_constraint
from cathouse.schema import User


async def find_account(session: AsyncSession, *, clerk_user_id: str, email_key: str) -> AnyRow | None:
    """The account that Clerk's person has, or else the one with the same address."""
    is_theirs = User.clerk_user_id == clerk_user_id
    query = (
        select(
            User.id,
            User.role,
            User.is_active,
            User.email_key,
            User.clerk_user_id,
            has_second_factor().label("has_second_factor"),
        )
        .where(or_(is_theirs, User.email_key == email_key))
        .order_by(case((is_theirs, 0), else_=1))
        .limit(1)
    )
    return (await session.execute(query)).one_or_none()


async def link(session: AsyncSession, user_id: uuid.UUID, clerk_user_id: str) -> bool:
    """Let Clerk's person into the account from now on; false when somebody else's was linked meanwhile."""
    statement = (
        update(User)
        .where(User.id == user_id, User.clerk_user_id.is_(None), User.email_verified_at.is_not(None))
        .values(clerk_user_id=clerk_user_id)
        .returning(User.id)
    )
    try:
        return (await session.scalar(statement)) is not None
    except IntegrityError as error:
        if broken_constraint(error) == "uq_users_clerk_user_id":
            return False
        raise
