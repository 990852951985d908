"""All SQL about second factors."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import SecondFactor, SecondFactorKind, User


async def put_secret(session: AsyncSession, user_id: uuid.UUID, *, wrapped: bytes, key_id: str) -> bool:
    """Keep a secret that is to be confirmed, in place of one that was not; false when one is in use."""
    statement = (
        upsert(SecondFactor)
        .values(id=uuid.uuid4(), user_id=user_id, wrapped_secret=wrapped, wrapping_key_id=key_id)
        .on_conflict_do_update(
            index_elements=[SecondFactor.user_id, SecondFactor.kind],
            set_={"wrapped_secret": wrapped, "wrapping_key_id": key_id, "last_step": None},
            where=SecondFactor.confirmed_at.is_(None),
        )
        .returning(SecondFactor.id)
    )
    return (await session.execute(statement)).first() is not None


async def lock_factor(session: AsyncSession, user_id: uuid.UUID) -> AnyRow | None:
    """A person's second factor, locked: of two uses of one code at once, one counts."""
    query = (
        select(
            SecondFactor.id,
            SecondFactor.wrapped_secret,
            SecondFactor.wrapping_key_id,
            SecondFactor.confirmed_at,
            SecondFactor.recovery_code_hashes,
            SecondFactor.last_step,
        )
        .where(SecondFactor.user_id == user_id, SecondFactor.kind == SecondFactorKind.TOTP)
        .with_for_update()
    )
    return (await session.execute(query)).one_or_none()


async def confirm(session: AsyncSession, factor_id: uuid.UUID, *, step: int, code_hashes: Sequence[bytes]) -> None:
    """Put a second factor to use."""
    await session.execute(
        update(SecondFactor)
        .where(SecondFactor.id == factor_id)
        .values(confirmed_at=func.now(), last_step=step, recovery_code_hashes=list(code_hashes))
    )


async def use_step(
    session: AsyncSession, factor_id: uuid.UUID, *, step: int, rewrapped: tuple[bytes, str] | None
) -> None:
    """Note which step was used; ``rewrapped`` is the secret under the newest JWT_SECRET, when it was under an older."""
    values: dict[str, Any] = {"last_step": step}
    if rewrapped is not None:
        values |= {"wrapped_secret": rewrapped[0], "wrapping_key_id": rewrapped[1]}
    await session.execute(update(SecondFactor).where(SecondFactor.id == factor_id).values(**values))


async def set_recovery_codes(session: AsyncSession, factor_id: uuid.UUID, code_hashes: Sequence[bytes]) -> None:
    """Replace the recovery codes by these."""
    await session.execute(
        update(SecondFactor).where(SecondFactor.id == factor_id).values(recovery_code_hashes=list(code_hashes))
    )


async def remove(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Take the second factor off; false when there is none in use."""
    statement = delete(SecondFactor).where(SecondFactor.user_id == user_id).returning(SecondFactor.confirmed_at)
    removed = (await session.execute(statement)).first()
    return removed is not None and removed.confirmed_at is not None


async def lock_person(session: AsyncSession, user_id: uuid.UUID) -> AnyRow | None:
    """An active person, locked: the role and the password stay until the unit ends."""
    query = select(User.id, User.email, User.role).where(User.id == user_id, User.is_active)
    return (await session.execute(query.with_for_update(key_share=True))).one_or_none()


async def list_wrapped(session: AsyncSession, *, not_under: str, limit: int) -> Sequence[AnyRow]:
    """Second factors whose secret is under another key than ``not_under``, locked."""
    query = (
        select(SecondFactor.id, SecondFactor.user_id, SecondFactor.wrapped_secret, SecondFactor.wrapping_key_id)
        .where(SecondFactor.wrapping_key_id != not_under)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).all()


async def rewrap(session: AsyncSession, factor_id: uuid.UUID, *, wrapped: bytes, key_id: str) -> None:
    """Keep the same secret under another key."""
    await session.execute(
        update(SecondFactor).where(SecondFactor.id == factor_id).values(wrapped_secret=wrapped, wrapping_key_id=key_id)
    )
