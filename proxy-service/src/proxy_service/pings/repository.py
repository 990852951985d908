"""All SQL about pings."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import Cat, Release
from proxy_service.messages.repository import select_releases


async def find_newest_release(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> AnyRow | None:
    """The developer's cat at its newest release, published or not: the one that is worked on."""
    query = (
        select_releases()
        .add_columns(Cat.status.label("cat_status"))
        .where(Cat.id == cat_id, Cat.developer_id == developer_id)
        .order_by(Release.precedence.desc())
        .limit(1)
    )
    return (await session.execute(query)).one_or_none()
