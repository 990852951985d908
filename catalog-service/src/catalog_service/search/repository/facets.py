"""What is counted beside lists of cats, and the tags of the catalog."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, SQLColumnExpression, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.search.repository.candidates import (
    BY_POPULARITY,
    called_so,
    is_published,
    of_search,
    others_of,
    tiers_of,
)
from catalog_service.search.repository.forms import FORMS, Filters, Form, Meaning, most_asked, values_of, written_out
from catalog_service.search.repository.questions import Question
from catalog_service.search.schemas import Sort
from catalog_service.search.text import Word
from catalog_service.search_index.repository import permission_types
from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Cat, CatSearch

MOST_COUNTED = 1_000
"""Where nothing is searched, facets are counted among so many of the most popular cats."""


async def count_facets(
    session: AsyncSession,
    filters: Filters,
    sort: Sort,
    *,
    words: Sequence[Word],
    meaning: Meaning | None,
    most_tags: int,
) -> Sequence[AnyRow]:
    """How many cats have each tag and ask for each permission: of the most popular ones that :func:`find_cats` finds.

    How many were counted is in a row of its own, the facet ``cats``.
    """
    statement = _facets(Form.of(filters, sort, words, meaning))
    return (await session.execute(statement, {**values_of(filters, words, meaning), "most": most_tags})).all()


@lru_cache(FORMS)
def _facets(form: Form) -> AnySelect:
    found = _counted(form).cte("counted").prefix_with("MATERIALIZED")
    tags = _grouped("tags", found)
    tags = tags.order_by(tags.selected_columns.cats.desc(), tags.selected_columns.value).limit(most_asked())
    facets = union_all(
        select(tags.subquery("tags")),
        _grouped("permission_types", found),
        select(literal("cats"), literal(""), func.count()).select_from(found),
    ).subquery("facets")
    return select(facets).order_by(facets.c.facet, facets.c.cats.desc(), facets.c.value)


def _grouped(facet: str, found: CTE) -> AnySelect:
    value = _each_of(found.c[facet])
    counted = select(literal(facet).label("facet"), value.label("value"), func.count().label("cats"))
    return counted.select_from(found).group_by(value)


def _counted(form: Form) -> AnySelect:
    """The cats of which facets are counted, with what is counted of each."""
    # What is noted of a draft may be older than its release.
    read: Sequence[ColumnElement[Any]] = (
        (Cat.tags.label("tags"), permission_types().label("permission_types"))
        if form.drafts
        else (CatSearch.tags.expression, CatSearch.permission_types.expression)
    )
    if not form.words:
        return of_search(form, read).order_by(*BY_POPULARITY).limit(written_out(MOST_COUNTED))
    question = Question.of(form)
    tiers = tiers_of(form, question, read)
    sources = [select(tier) for tier in tiers]
    if form.by_relevance:
        sources += [*others_of(form, question, read, tiers), called_so(form, read)]
    each = union_all(*sources).subquery("each")
    return select(each).ext(distinct_on(each.c.cat_id))


def _each_of(values: SQLColumnExpression[Any]) -> ColumnElement[str]:
    each: ColumnElement[str] = func.unnest(values).table_valued("each", joins_implicitly=True).render_derived().c.each
    return each


async def count_tags(session: AsyncSession) -> Sequence[AnyRow]:
    """The tags of published cats with how many have each, the most frequent first."""
    return (await session.execute(_COUNT_TAGS)).all()


_TAG = _each_of(Cat.tags)
_COUNT_TAGS = (
    select(_TAG.label("value"), func.count().label("cats"))
    .select_from(Cat)
    .where(is_published())
    .group_by(_TAG)
    .order_by(func.count().desc(), _TAG)
)
