"""All SQL about signing keys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select
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


async def add_active_key(
    session: AsyncSession, *, kid: str, public_jwk: dict[str, Any], wrapped_private: bytes, wrapping_key_id: str
) -> None:
    """Keep a new key that signs from now on."""
    await session.execute(
        insert(SigningKey).values(
            kid=kid,
            public_jwk=public_jwk,
            wrapped_private=wrapped_private,
            wrapping_key_id=wrapping_key_id,
            state=SigningKeyState.ACTIVE,
            activated_at=func.now(),
        )
    )
