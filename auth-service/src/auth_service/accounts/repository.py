"""All SQL about accounts."""

import uuid
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import EmailTakenError
from cathouse.database import AnyRow, AnySelect, broken_constraint
from cathouse.schema import Role, SecondFactor, User, UserPreferences


def _profile() -> AnySelect:
    return select(
        User.id,
        User.email,
        User.email_verified_at.is_not(None).label("email_verified"),
        User.display_name,
        User.role,
        User.is_active,
        User.timezone,
        User.clerk_user_id,
        User.password_hash.is_not(None).label("has_password"),
        exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None)).label("totp_enabled"),
        User.created_at,
        User.updated_at,
    )


async def add_user(
    session: AsyncSession, *, email: str, email_key: str, password_hash: str, display_name: str, role: Role
) -> uuid.UUID:
    """Make an account with default preferences.

    Raises:
        EmailTakenError: when the address is taken, also by somebody who registers in the same instant.
    """
    user = User(email=email, email_key=email_key, password_hash=password_hash, display_name=display_name, role=role)
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        if broken_constraint(error) == "uq_users_email_key":
            raise EmailTakenError from None
        raise
    session.add(UserPreferences(user_id=user.id))
    await session.flush()
    return user.id


async def find_profile(session: AsyncSession, user_id: uuid.UUID) -> AnyRow | None:
    """The account as its owner sees it."""
    return (await session.execute(_profile().where(User.id == user_id))).one_or_none()


async def change_profile(session: AsyncSession, user_id: uuid.UUID, changes: dict[str, Any]) -> None:
    """Set ``changes`` on the account."""
    if changes:
        await session.execute(update(User).where(User.id == user_id).values(**changes))
