"""All SQL about accounts."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import AccountGoneError, EmailTakenError
from cathouse.database import AnyRow, AnySelect, broken_constraint
from cathouse.schema import Role, SecondFactor, User, UserPreferences


def has_second_factor() -> ColumnElement[bool]:
    """Whether the person of the surrounding query has a second factor that is in use."""
    return exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None))


def profile_query() -> AnySelect:
    """An account with everything that its owner and admins see."""
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
        has_second_factor().label("totp_enabled"),
        User.created_at,
        User.updated_at,
    )


@dataclass(frozen=True, slots=True)
class NewUser:
    """What an account begins with."""

    email: str
    email_key: str
    display_name: str
    role: Role
    password_hash: str | None = None
    password_is_long: bool = False
    clerk_user_id: str | None = None
    email_verified_at: dt.datetime | None = None


async def add_user(session: AsyncSession, new: NewUser) -> uuid.UUID:
    """Make an account with default preferences.

    Raises:
        EmailTakenError: when the address, or Clerk's person, is taken, also by somebody in the same instant.
    """
    user = User(**asdict(new))
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        if broken_constraint(error) in ("uq_users_email_key", "uq_users_clerk_user_id"):
            raise EmailTakenError from None
        raise
    session.add(UserPreferences(user_id=user.id))
    await session.flush()
    return user.id


async def find_profile(session: AsyncSession, user_id: uuid.UUID) -> AnyRow | None:
    """The account as its owner sees it."""
    return (await session.execute(profile_query().where(User.id == user_id))).one_or_none()


async def read_profile(session: AsyncSession, user_id: uuid.UUID) -> AnyRow:
    """The account as its owner sees it.

    Raises:
        AccountGoneError: when it is not there any more, or deactivated.
    """
    profile = await find_profile(session, user_id)
    if profile is None or not profile.is_active:
        raise AccountGoneError
    return profile


async def change_user(session: AsyncSession, user_id: uuid.UUID, changes: Mapping[str, Any]) -> None:
    """Set ``changes`` on the account."""
    if changes:
        await session.execute(update(User).where(User.id == user_id).values(**changes))


async def find_password_hash(session: AsyncSession, user_id: uuid.UUID) -> str | None:
    """The hash of an active account's password, or None."""
    return await session.scalar(select(User.password_hash).where(User.id == user_id, User.is_active))


async def replace_password(
    session: AsyncSession, user_id: uuid.UUID, *, old_hash: str | None, new_hash: str, is_long: bool
) -> bool:
    """Set the new hash, unless the old one was replaced meanwhile."""
    statement = (
        update(User)
        .where(User.id == user_id, User.password_hash.is_not_distinct_from(old_hash))
        .values(password_hash=new_hash, password_is_long=is_long)
    )
    return (await session.scalar(statement.returning(User.id))) is not None


async def is_protected(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Whether the account has what its role needs: for a developer a long password, a second factor, or no password.

    Asked in the unit that changes one of them, after the change: its lock on the account keeps the others waiting.
    """
    query = select(
        or_(User.role == Role.PLAYER, User.password_hash.is_(None), User.password_is_long, has_second_factor())
    ).where(User.id == user_id)
    return bool(await session.scalar(query))
