"""All SQL about signing secrets; there is little, since nothing of a secret is stored."""

import uuid

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Cat


async def find_signing_state(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnyRow | None:
    """What a cat's secret is derived from; only its owner gets it."""
    return (await session.execute(_signing_state(cat_id, developer_id))).one_or_none()


async def lock_signing_state(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnyRow | None:
    """The same, locked: two rotations at once are one, and a refusal."""
    return (await session.execute(_signing_state(cat_id, developer_id).with_for_update())).one_or_none()


async def rotate(session: AsyncSession, cat_id: uuid.UUID, *, root_id: str) -> None:
    """Let the next secret, derived from ``root_id``, sign from now on; the one before it is remembered."""
    await session.execute(
        update(Cat)
        .where(Cat.id == cat_id)
        .values(
            signing_secret_version=Cat.signing_secret_version + 1,
            previous_signing_root=Cat.signing_root,
            signing_root=root_id,
            signing_secret_rotated_at=func.now(),
        )
    )


def _signing_state(cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnySelect:
    return select(Cat.id, Cat.signing_root, Cat.signing_secret_version, Cat.signing_secret_rotated_at).where(
        Cat.id == cat_id, Cat.developer_id == developer_id
    )
