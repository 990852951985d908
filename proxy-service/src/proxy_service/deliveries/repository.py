"""All SQL about what is delivered."""

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Cat, Release


async def find_release(session: AsyncSession, release_id: uuid.UUID) -> AnyRow | None:
    """Where a release answers, and what its cat's messages are signed with."""
    query = (
        select(
            Release.endpoint_url,
            Release.version,
            Release.timeout_s,
            Cat.id.label("cat_id"),
            Cat.signing_root,
            Cat.signing_secret_version,
            Cat.previous_signing_root,
            Cat.signing_secret_rotated_at,
        )
        .join(Cat, Cat.id == Release.cat_id)
        .where(Release.id == release_id)
    )
    return (await session.execute(query)).one_or_none()
