"""All SQL about what admins did with cats."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, newest_first
from cathouse.schema import Cat, ModerationAction, ModerationEntry, Release


async def note(session: AsyncSession, cat_id: uuid.UUID, action: ModerationAction, *, reason: str | None) -> None:
    """Add to the public log, in the transaction that does it."""
    await session.execute(insert(ModerationEntry).values(id=uuid.uuid4(), cat_id=cat_id, action=action, reason=reason))


async def list_entries(session: AsyncSession, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[AnyRow]:
    """The log, newest first. A cat that was never published is nobody's business but its developer's."""
    was_published = exists().where(Release.cat_id == Cat.id, Release.published_at.is_not(None))
    cat = func.json_build_object("id", Cat.id, "slug", Cat.slug, "name", Cat.name, type_=JSON)
    query = (
        select(
            ModerationEntry.id,
            ModerationEntry.action,
            ModerationEntry.reason,
            ModerationEntry.created_at,
            cat.label("cat"),
        )
        .join(Cat, Cat.id == ModerationEntry.cat_id)
        .where(was_published)
    )
    query = newest_first(query, ModerationEntry.created_at, ModerationEntry.id, after=after, limit=limit)
    return (await session.execute(query)).all()
