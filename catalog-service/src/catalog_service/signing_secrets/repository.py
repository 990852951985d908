"""All SQL about signing secrets; there is little, since nothing of a secret is stored."""

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Cat


async def find_signing_state(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnyRow | None:
    """What a cat's secret is derived from; only its owner gets it."""
    query = select(Cat.id, Cat.signing_root, Cat.signing_secret_version, Cat.signing_secret_rotated_at).where(
        Cat.id == cat_id, Cat.developer_id == developer_id
    )
    return (await session.execute(query)).one_or_none()
