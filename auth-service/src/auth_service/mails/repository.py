"""All SQL about mails."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.mails.sealed import SealedMail
from auth_service.mails.transport import DEADLINE_S
from cathouse.database import DueRows
from cathouse.schema import Mail, User, UserPreferences

AT_ONCE = 5
"""Mails of one round, handed over side by side: one that hangs does not stop the others."""

LEASE = dt.timedelta(seconds=3 * DEADLINE_S)
"""Longer than a round can take: the deadline of its slowest mail, and the database's patience before and after it."""

PAUSES = (
    dt.timedelta(seconds=30),
    dt.timedelta(minutes=2),
    dt.timedelta(minutes=10),
    dt.timedelta(minutes=10),
    dt.timedelta(minutes=20),
    dt.timedelta(hours=1),
    dt.timedelta(hours=3),
)
"""Before the next attempt; the last one again and again. A reset, good for an hour, is tried for 42 minutes."""


async def add_mail(session: AsyncSession, user_id: uuid.UUID, mail: SealedMail) -> None:
    """Write a mail down, in the transaction that is its reason; one that is written down already stays as it is."""
    await session.execute(
        insert(Mail)
        .values(
            id=mail.id,
            user_id=user_id,
            kind=mail.kind,
            wrapped=mail.wrapped,
            wrapping_key_id=mail.wrapping_key_id,
            expires_at=mail.expires_at,
        )
        .on_conflict_do_nothing(index_elements=[Mail.id])
    )


async def wants_notifications(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Whether the person is to be mailed what cats tell: they have said so, and the address is proved to be theirs."""
    query = (
        select(User.id)
        .join(UserPreferences, UserPreferences.user_id == User.id)
        .where(
            User.id == user_id,
            User.is_active,
            User.email_verified_at.is_not(None),
            UserPreferences.communication_preferences["email"].as_boolean(),
        )
    )
    return await session.scalar(query) is not None


def due_mails(key_ids: Collection[str]) -> DueRows:
    """The mails that are to be sent, with the present address of their person.

    What was wrapped under other keys than ``key_ids`` is left to who can open it, until its time is over.
    """
    return DueRows(
        Mail,
        Mail.kind,
        Mail.wrapped,
        Mail.wrapping_key_id,
        Mail.expires_at,
        User.email,
        at_once=AT_ONCE,
        lease=LEASE,
        pauses=PAUSES,
        where=Mail.user_id == User.id,
        only=_is_ours(key_ids),
    )


async def remove(session: AsyncSession, mail_id: uuid.UUID) -> None:
    """Forget a mail that was sent, or never will be."""
    await session.execute(delete(Mail).where(Mail.id == mail_id))


async def release(session: AsyncSession, mail_ids: Sequence[uuid.UUID]) -> None:
    """Give back what was claimed and not tried: it is due at once."""
    await session.execute(
        update(Mail).where(Mail.id.in_(mail_ids)).values(attempts=Mail.attempts - 1, next_attempt_at=func.now())
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left: seconds until the next mail is due (None: there is none), and how many only others can open."""

    due_in: float | None
    closed: int


async def look_ahead(session: AsyncSession, mails: DueRows, *, key_ids: Collection[str]) -> Outlook:
    """What there is to do later."""
    statement = select(mails.seconds_until_due, func.count().filter(~_is_ours(key_ids))).select_from(Mail)
    seconds, closed = (await session.execute(statement)).one()
    return Outlook(mails.look_again_after(seconds), closed)


def _is_ours(key_ids: Collection[str]) -> ColumnElement[bool]:
    return or_(Mail.wrapping_key_id.in_(key_ids), Mail.expires_at <= func.now())
