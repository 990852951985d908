"""All SQL about erasures."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import ColumnElement, case, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.login_attempts.repository import attempt_key
from auth_service.mails.letters import MailKind
from cathouse.database import DueRows
from cathouse.schema import (
    ApiKey,
    AuditAddress,
    AuditEvent,
    Erasure,
    ErasureStep,
    LoginAttempt,
    Mail,
    OneTimeToken,
    Role,
    SecondFactor,
    Session,
    User,
    UserPreferences,
)

NOBODY = "Somebody who left"
"""The name of an erased person, where one has to be shown."""

PAUSES = (
    dt.timedelta(seconds=5),
    dt.timedelta(seconds=30),
    dt.timedelta(minutes=2),
    dt.timedelta(minutes=10),
    dt.timedelta(hours=1),
)
"""Before the next attempt; the last one again and again."""

_OF_A_PERSON = (UserPreferences, Session, OneTimeToken, ApiKey, SecondFactor)


def due_erasures() -> DueRows:
    """The erasures that are not finished."""
    return DueRows(
        Erasure,
        Erasure.user_id,
        Erasure.auth_step,
        Erasure.catalog_step,
        Erasure.installation_step,
        at_once=10,
        lease=dt.timedelta(minutes=10),  # ten persons, and two services that answer within 25 seconds each
        pauses=PAUSES,
    )


async def begin(session: AsyncSession, user_id: uuid.UUID, *, repeat_at: dt.datetime) -> None:
    """Close the account and write down what has to be done."""
    await session.execute(update(User).where(User.id == user_id).values(is_active=False))
    statement = upsert(Erasure).values(id=uuid.uuid4(), user_id=user_id, repeat_at=repeat_at)
    await session.execute(statement.on_conflict_do_nothing(index_elements=[Erasure.user_id]))


async def finish_step(session: AsyncSession, *, erasure_id: uuid.UUID, owner: str) -> None:
    """Note that an owner has forgotten the person."""
    step = {f"{owner}_step": ErasureStep.DONE.value}
    await session.execute(update(Erasure).where(Erasure.id == erasure_id).values(**step))


async def finish_round(session: AsyncSession, erasure_id: uuid.UUID) -> bool:
    """All owners are done: plan the second round, or end; true when it has ended."""
    again = Erasure.repeat_at.is_not(None)
    pending: ColumnElement[str] = literal(ErasureStep.PENDING.value)
    statement = (
        update(Erasure)
        .where(Erasure.id == erasure_id)
        .values(
            next_attempt_at=case((again, Erasure.repeat_at)),
            repeat_at=None,
            attempts=0,
            auth_step=case((again, pending), else_=Erasure.auth_step),
            catalog_step=case((again, pending), else_=Erasure.catalog_step),
            installation_step=case((again, pending), else_=Erasure.installation_step),
        )
        .returning(Erasure.next_attempt_at)
    )
    return (await session.execute(statement)).scalar_one() is None


async def forget(session: AsyncSession, user_id: uuid.UUID) -> None:
    """Remove what auth-service knows of a person. The row stays, without anything personal: others refer to it."""
    email_key = await session.scalar(select(User.email_key).where(User.id == user_id).with_for_update())
    if email_key is None:
        return
    await session.execute(delete(LoginAttempt).where(LoginAttempt.key == attempt_key(email_key)))
    for model in _OF_A_PERSON:
        await session.execute(delete(model).where(model.user_id == user_id))
    nobody = f"{user_id}@erased.invalid"
    values: dict[str, Any] = {
        "email": nobody,
        "email_key": nobody,
        "email_verified_at": None,
        "password_hash": None,
        "password_is_long": False,
        "role": Role.PLAYER,
        "display_name": NOBODY,
        "is_active": False,
        "clerk_user_id": None,
        "timezone": "UTC",
    }
    await session.execute(update(User).where(User.id == user_id).values(**values))
    # The mail that says goodbye knows its address; the others have nowhere to go any more.
    await session.execute(delete(Mail).where(Mail.user_id == user_id, Mail.kind != MailKind.ACCOUNT_ERASED))
    theirs = select(AuditEvent.id).where(AuditEvent.actor_id == user_id)
    await session.execute(delete(AuditAddress).where(AuditAddress.audit_event_id.in_(theirs)))
