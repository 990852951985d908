"""All SQL about mailed tokens."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import EmailTakenError
from auth_service.accounts.repository import has_second_factor
from auth_service.mails.sealed import SealedMail
from auth_service.recovery.tokens import NewToken
from cathouse.database import AnyRow, broken_constraint
from cathouse.schema import ApiKey, Mail, OneTimeToken, SecondFactor, TokenPurpose, User

MOST_AN_HOUR = 5
"""Tokens of one purpose for one person: nobody's mailbox is filled by a stranger."""


async def issue(
    session: AsyncSession,
    whose: ColumnElement[bool],
    token: NewToken,
    mail: SealedMail,
    *,
    email: str | None = None,
) -> None:
    """Write a token and its mail down for the active person that meets ``whose``; older ones of its purpose are void.

    The same two statements whether there is such a person or not, so that the time they take tells nothing. Who has
    had ``MOST_AN_HOUR`` gets none. ``email`` is the address that the token is about; None: the person's own.
    """
    # Alone, so that what counts and voids below sees what a request of the same moment has just written.
    await session.execute(select(User.id).where(whose, User.is_active).with_for_update())
    recent = (
        select(func.count())
        .select_from(OneTimeToken)
        .where(
            OneTimeToken.user_id == User.id,
            OneTimeToken.purpose == token.purpose,
            OneTimeToken.created_at > func.now() - dt.timedelta(hours=1),
        )
        .correlate(User)
        .scalar_subquery()
    )
    subject = User.email_key if email is None else literal(email)
    person = select(User.id, subject.label("email")).where(whose, User.is_active, recent < MOST_AN_HOUR).cte("person")
    voided = (
        update(OneTimeToken)
        .where(
            OneTimeToken.user_id.in_(select(person.c.id)),
            OneTimeToken.purpose == token.purpose,
            OneTimeToken.used_at.is_(None),
        )
        .values(used_at=func.now())
        .returning(OneTimeToken.id)
        .cte("voided")
    )
    kept = (
        insert(OneTimeToken)
        .from_select(
            ["id", "user_id", "purpose", "token_hash", "email", "expires_at"],
            select(
                literal(uuid.uuid4()),
                person.c.id,
                literal(token.purpose.value),
                literal(token.hash),
                person.c.email,
                literal(token.expires_at),
            ),
        )
        .returning(OneTimeToken.id)
        .cte("kept")
    )
    statement = (
        insert(Mail)
        .from_select(
            ["id", "user_id", "kind", "wrapped", "wrapping_key_id", "expires_at"],
            select(
                literal(mail.id),
                person.c.id,
                literal(mail.kind),
                literal(mail.wrapped),
                literal(mail.wrapping_key_id),
                literal(mail.expires_at),
            ),
        )
        .add_cte(voided, kept)
    )
    await session.execute(statement)


async def find_token(session: AsyncSession, token_hash: bytes, *purposes: TokenPurpose) -> AnyRow | None:
    """A living token of one of ``purposes`` with what its person's new password is held to."""
    query = (
        select(
            OneTimeToken.user_id,
            User.role,
            User.email_key,
            User.display_name,
            has_second_factor().label("has_second_factor"),
        )
        .join(User, User.id == OneTimeToken.user_id)
        .where(*_is_living(token_hash, purposes), User.is_active)
    )
    return (await session.execute(query)).one_or_none()


async def lock_person(session: AsyncSession, token_hash: bytes, *purposes: TokenPurpose) -> AnyRow | None:
    """The active person of a living token, locked: before the token, as who issues another one does."""
    query = (
        select(User.id, User.email, User.email_key, User.email_verified_at)
        .join(OneTimeToken, OneTimeToken.user_id == User.id)
        .where(*_is_living(token_hash, purposes), User.is_active)
        .with_for_update(of=User)
    )
    return (await session.execute(query)).one_or_none()


async def spend(session: AsyncSession, token_hash: bytes, *purposes: TokenPurpose) -> AnyRow | None:
    """Use a living token up, and return what it was for; of two who spend it at once, one gets it."""
    statement = (
        update(OneTimeToken)
        .where(*_is_living(token_hash, purposes))
        .values(used_at=func.now())
        .returning(OneTimeToken.user_id, OneTimeToken.purpose, OneTimeToken.email)
    )
    return (await session.execute(statement)).one_or_none()


def _is_living(token_hash: bytes, purposes: tuple[TokenPurpose, ...]) -> tuple[Any, ...]:
    return (
        OneTimeToken.token_hash == token_hash,
        OneTimeToken.purpose.in_(purposes),
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires_at > func.now(),
    )


async def void_tokens(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Make every mailed token of a person useless."""
    await session.execute(
        update(OneTimeToken)
        .where(OneTimeToken.user_id == user_id, OneTimeToken.used_at.is_(None))
        .values(used_at=func.now())
    )


async def set_password(session: AsyncSession, user_id: uuid.UUID, *, password_hash: str, is_long: bool) -> None:
    """Replace the password, whatever it was."""
    await session.execute(
        update(User).where(User.id == user_id).values(password_hash=password_hash, password_is_long=is_long)
    )


async def verify_email(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Note that the person reads mails to this address."""
    await session.execute(
        update(User).where(User.id == user_id, User.email_verified_at.is_(None)).values(email_verified_at=func.now())
    )


async def take_over(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Remove what somebody has set up who never proved that the address is theirs."""
    await session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    await session.execute(delete(ApiKey).where(ApiKey.user_id == user_id))
    await session.execute(update(User).where(User.id == user_id).values(clerk_user_id=None))


async def change_email(session: AsyncSession, user_id: uuid.UUID, *, email: str, email_key: str) -> None:
    """Give the person another address, which is thereby verified.

    Raises:
        EmailTakenError: somebody has it meanwhile.
    """
    try:
        await session.execute(
            update(User)
            .where(User.id == user_id)
            .values(email=email, email_key=email_key, email_verified_at=func.now())
        )
    except IntegrityError as error:
        if broken_constraint(error) == "uq_users_email_key":
            raise EmailTakenError from None
        raise
