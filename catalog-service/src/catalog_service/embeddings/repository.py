"""All SQL about embeddings."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, change_portion
from cathouse.schema import Cat, CatSearch, CatStatus


async def next_texts(session: AsyncSession, *, after: uuid.UUID | None, limit: int) -> Sequence[AnyRow]:
    """Published cats behind ``after`` whose present text has no vector yet."""
    query = (
        select(Cat.id, Cat.name, Cat.description, Cat.tags, Cat.updated_at)
        .join(CatSearch, CatSearch.cat_id == Cat.id)
        .where(CatSearch.embedding_model.is_(None), Cat.status == CatStatus.PUBLISHED)
        .order_by(CatSearch.cat_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(CatSearch.cat_id > after)
    return (await session.execute(query)).all()


async def keep(session: AsyncSession, cat: AnyRow, vector: Sequence[float], *, model: str) -> None:
    """Keep the vector of a cat, unless its text has changed meanwhile."""
    is_as_read = select(Cat.id).where(Cat.id == cat.id, Cat.updated_at == cat.updated_at).exists()
    await session.execute(
        update(CatSearch)
        .where(CatSearch.cat_id == cat.id, is_as_read)
        .values(embedding=list(vector), embedding_model=model)
        .execution_options(synchronize_session=False)
    )


async def drop_others(session: AsyncSession, *, model: str) -> int:
    """Let some of the cats whose vectors another model made be done anew, and return how many."""
    return await change_portion(
        session,
        update(CatSearch).values(embedding=None, embedding_model=None),
        key=(CatSearch.cat_id,),
        where=(CatSearch.embedding_model != model,),
    )
