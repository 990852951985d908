"""All SQL about what is to be published."""

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Cat, Release


async def release_to_publish(
    session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID, version: str | None
) -> AnyRow | None:
    """The named release, else the newest unpublished one, else (for a cat that went back to draft) the newest."""
    query = (
        select(Release.id, Release.version, Release.endpoint_url, Release.published_at, Cat.status, Release.updated_at)
        .join(Cat, Cat.id == Release.cat_id)
        .where(Cat.id == cat_id, Cat.developer_id == developer_id)
        .order_by(Release.published_at.is_not(None), Release.precedence.desc())
        .limit(1)
    )
    if version is not None:
        query = query.where(Release.version == version)
    return (await session.execute(query)).one_or_none()


async def release_is_unchanged(session: AsyncSession, release: AnyRow) -> bool:
    """Whether the release is the one that was challenged."""
    query = select(Release.id).where(Release.id == release.id, Release.updated_at == release.updated_at)
    return await session.scalar(query) is not None
