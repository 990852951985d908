"""All SQL about similar cats."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from catalog_service.cats.repository import cat_columns
from cathouse.database import AnyRow
from cathouse.schema import SEARCH_CONFIGURATION, Cat, CatSearch, SearchWord

MOST_WORDS = 12
MOST_OF_A_WORD = 100
SHORTEST_WORD = 3
TAG_WEIGHT = 3.0
"""What a shared tag says beside a word of the text that as many cats have."""


async def find_by_meaning(session: AsyncSession, cat_id: uuid.UUID, *, limit: int) -> Sequence[AnyRow]:
    """The published cats whose vectors are nearest to the cat's, of the same model; none when it has no vector."""
    this = aliased(CatSearch)
    vector = select(this.embedding).where(this.cat_id == cat_id).scalar_subquery()
    model = select(this.embedding_model).where(this.cat_id == cat_id).scalar_subquery()
    distance = CatSearch.embedding.cosine_distance(vector)
    nearest = (
        select(CatSearch.cat_id, distance.label("distance"))
        .where(CatSearch.tier.is_not(None), CatSearch.cat_id != cat_id, CatSearch.embedding_model == model)
        .order_by(distance)
        .limit(limit)
        .subquery("nearest")
    )
    query = cat_columns().join(nearest, nearest.c.cat_id == Cat.id).order_by(nearest.c.distance, Cat.id)
    return (await session.execute(query)).all()


async def find_by_text(session: AsyncSession, cat_id: uuid.UUID, *, limit: int) -> Sequence[AnyRow]:
    """The published cats that share the most telling words and the rarest tags with the cat."""
    points = _shared_words(cat_id).subquery("points")
    alike = (
        select(points.c.cat_id, func.sum(points.c.weight).label("likeness"))
        .group_by(points.c.cat_id)
        .order_by(func.sum(points.c.weight).desc(), points.c.cat_id)
        .limit(limit)
        .subquery("alike")
    )
    query = cat_columns().join(alike, alike.c.cat_id == Cat.id).order_by(alike.c.likeness.desc(), Cat.id)
    return (await session.execute(query)).all()


def _shared_words(cat_id: uuid.UUID) -> Select[tuple[uuid.UUID, float]]:
    """Who has one of its tags or rarest words, with what having it weighs; of each word the most popular ones."""
    this, that, other = aliased(CatSearch), aliased(Cat), aliased(CatSearch)
    own = select(func.unnest(this.words).label("word")).where(this.cat_id == cat_id).subquery()
    # As one word, which a tag with hyphens is too.
    tags = select(func.replace(func.unnest(that.tags), "-", "")).where(that.id == cat_id)
    is_tag = SearchWord.word.in_(tags)
    telling = (
        select(SearchWord.word, (case((is_tag, TAG_WEIGHT), else_=1) / func.sqrt(SearchWord.cats)).label("weight"))
        .join(own, own.c.word == SearchWord.word)
        .where(SearchWord.cats > 1, func.length(SearchWord.word) >= SHORTEST_WORD)
        .order_by(is_tag.desc(), SearchWord.cats, SearchWord.word)
        .limit(MOST_WORDS)
        .cte("telling")
    )
    asked = func.to_tsquery(SEARCH_CONFIGURATION, func.quote_literal(telling.c.word))
    having_it = (
        select(other.cat_id)
        .where(other.document.bool_op("@@")(asked), other.cat_id != cat_id, other.tier.is_not(None))
        .order_by(other.popularity.desc(), other.cat_id)
        .limit(MOST_OF_A_WORD)
        .lateral("having_it")
    )
    return select(having_it.c.cat_id, telling.c.weight).select_from(telling.join(having_it, literal(True)))
