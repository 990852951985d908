"""All SQL about signing keys."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import SigningKey, SigningKeyState

_LOCK = 7_214_902_385_117_002
"""The advisory lock under which keys are made, so that several replicas make one."""


async def living_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """Every key that may still verify a token."""
    query = select(SigningKey).where(SigningKey.state != SigningKeyState.REVOKED).order_by(SigningKey.created_at)
    return (await session.scalars(query)).all()


async def wait_for_turn(session: AsyncSession) -> None:
    """Let one replica at a time go on, until its transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def add_key(
    session: AsyncSession,
    *,
    kid: str,
    public_jwk: dict[str, Any],
    wrapped_private: bytes,
    wrapping_key_id: str,
    state: SigningKeyState,
) -> None:
    """Keep a new key: one that signs from now on, or one that is only published."""
    await session.execute(
        insert(SigningKey).values(
            id=uuid.uuid4(),
            kid=kid,
            public_jwk=public_jwk,
            wrapped_private=wrapped_private,
            wrapping_key_id=wrapping_key_id,
            state=state,
            activated_at=func.now() if state == SigningKeyState.ACTIVE else None,
        )
    )


async def activate(session: AsyncSession, kid: str) -> None:
    """Let the key sign from now on; the one that did must have been retired before."""
    await _move(session, [kid], state=SigningKeyState.ACTIVE, activated_at=func.now())


async def retire(session: AsyncSession, kids: Sequence[str]) -> None:
    """Let the keys sign no more; they still verify."""
    await _move(session, kids, state=SigningKeyState.RETIRING, retired_at=func.now())


async def revoke(session: AsyncSession, kids: Sequence[str]) -> int:
    """Let the keys verify no more, and return how many of them were still living."""
    return await _move(session, kids, state=SigningKeyState.REVOKED, retired_at=func.now())


async def _move(session: AsyncSession, kids: Sequence[str], **values: Any) -> int:  # noqa: ANN401 - columns
    if not kids:
        return 0
    living = (SigningKey.kid.in_(kids), SigningKey.state != SigningKeyState.REVOKED)
    moved = await session.execute(update(SigningKey).where(*living).values(**values).returning(SigningKey.kid))
    return len(moved.all())
