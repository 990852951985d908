"""Which cats are looked at: as many in a large catalog as in a small one."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ARRAY, CTE, UUID, ColumnElement, Text, bindparam, func, literal_column, or_, select, true

from catalog_service.search.repository.forms import Form, written_out
from catalog_service.search.repository.questions import Question
from cathouse.database import AnySelect
from cathouse.schema import (
    LOWEST_TIER,
    SEARCH_CONFIGURATION,
    Cat,
    CatSearch,
    CatStatus,
    Permission,
    Release,
    ReleasePermission,
)

ENOUGH = 250
"""When so many cats of the more popular tiers have all words, those of the less popular ones are not looked at."""

MOST_WEIGHED = 1_000
"""Of more cats of one tier that have all words, the most popular ones are put in order."""

FEW = 10
"""When fewer than these have all words, those that have some of them come behind."""

MOST_OF_A_WORD = 200
"""Of more cats than these that have one of the words, the most popular ones are put in order."""

COMMON = 5_000
"""Cats from which on a word alone tells nothing, unless it is the rarest that was asked for."""

MOST_MEANT = 50
"""Cats that are found by their meaning alone."""

LEAST_LIKENESS = 0.25
"""Cosine of the angle between two meanings, below which they have nothing to do with one another."""

BY_POPULARITY = (CatSearch.popularity.desc(), CatSearch.cat_id.desc())


def has(query: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a cat's document fits ``query``."""
    return CatSearch.document.bool_op("@@")(query)


def tiers_of(
    form: Form,
    question: Question,
    read: Sequence[ColumnElement[Any]],
    *,
    enough: ColumnElement[int] | None = None,
    most: ColumnElement[int] | None = None,
) -> Sequence[CTE]:
    """The cats that have all words, tier after tier, each looked into when those above it gave less than ``enough``.

    So as many are looked at in a large catalog as in a small one. A developer's own cats are few, and of no tier.
    Without a value ``enough`` is ``ENOUGH``, and of one tier ``most`` is ``MOST_WEIGHED``.
    """
    tiers: list[CTE] = []
    for number in [None] if form.by_developer else range(LOWEST_TIER + 1):
        tier = of_search(form, read).where(has(question.every))
        if number is not None:
            tier = tier.where(CatSearch.tier == literal_column(str(number)))
        if tiers:
            tier = tier.where(count_of(tiers) < (written_out(ENOUGH) if enough is None else enough))
        if form.goes_on and not form.by_relevance:
            tier = tier.where(form.is_behind(CatSearch.popularity.expression, CatSearch.cat_id.expression))
        tier = tier.order_by(*BY_POPULARITY).limit(written_out(MOST_WEIGHED) if most is None else most)
        tiers.append(tier.cte(f"tier_{number}").prefix_with("MATERIALIZED"))
    return tiers


def count_of(parts: Sequence[CTE]) -> ColumnElement[int]:
    """How many cats are in ``parts`` together."""
    return reduce(add, (select(func.count()).select_from(part).scalar_subquery() for part in parts))


def others_of(
    form: Form, question: Question, read: Sequence[ColumnElement[Any]], tiers: Sequence[CTE]
) -> Iterator[AnySelect]:
    """Where few cats have all words: of each word the most popular ones that have it, or who is nearest in meaning."""
    asked = question.asked
    with_one = (
        of_search(form, read).where(has(asked.c.query)).order_by(*BY_POPULARITY).limit(written_out(MOST_OF_A_WORD))
    )
    one = with_one.correlate(asked).lateral("one")
    rarest = select(func.min(asked.c.cats)).scalar_subquery()
    yield (
        select(*one.c)
        .select_from(asked.join(one, true()))
        .where(
            count_of(tiers) < FEW,
            ~select(func.bool_or(asked.c.is_unknown)).scalar_subquery(),
            asked.c.is_telling,
            or_(asked.c.cats <= COMMON, asked.c.cats == rarest),
        )
    )
    if form.by_meaning:
        is_near = distance() < 1 - LEAST_LIKENESS
        near = of_search(form, read).where(CatSearch.embedding_model == model(), is_near)
        yield select(near.order_by(distance()).limit(written_out(MOST_MEANT)).subquery("near"))


def called_so(form: Form, read: Sequence[ColumnElement[Any]]) -> AnySelect:
    """The cat that is called just as what was typed."""
    named = select(CatSearch.cat_id, *read).join(Cat, Cat.id == CatSearch.cat_id).where(*conditions(form))
    return named.where(func.lower(Cat.name) == bindparam("name", type_=Text))


def distance() -> ColumnElement[Any]:
    """How far a cat's meaning is from what was asked: 1 less the cosine of the angle between them."""
    between: ColumnElement[Any] = CatSearch.embedding.cosine_distance(bindparam("vector"))
    return between


def model() -> ColumnElement[str]:
    """The model that made the question's vector: no other's can be compared with it."""
    return bindparam("model", type_=Text)


def of_search(form: Form, read: Sequence[ColumnElement[Any]]) -> AnySelect:
    """Of each cat that meets the filters what is to be ``read``; ``cats`` is looked at only where one is set."""
    chosen: AnySelect = select(CatSearch.cat_id, *read)
    if not form.drafts:
        chosen = chosen.where(CatSearch.tier.is_not(None))
    if form.by_tags and form.words:
        # Who has the tags has their words in the document, with their weight: the index of words finds both at once.
        tagged = func.to_tsquery(SEARCH_CONFIGURATION, bindparam("words_of_tags", type_=Text))
        chosen = chosen.where(has(select(tagged).scalar_subquery()))
    if form.is_narrowed:
        chosen = chosen.join(Cat, Cat.id == CatSearch.cat_id).where(*_filters(form))
    return chosen


def conditions(form: Form) -> list[ColumnElement[bool]]:
    """The filters, as conditions on ``cats``."""
    return [*([] if form.drafts else [is_published()]), *_filters(form)]


def is_published() -> ColumnElement[bool]:
    """Whether a cat is published: with a literal, so that the partial indexes can be used."""
    return Cat.status == literal_column(f"'{CatStatus.PUBLISHED}'")


def _filters(form: Form) -> Iterator[ColumnElement[bool]]:
    if form.by_developer:
        yield Cat.developer_id == bindparam("developer_id", type_=UUID(as_uuid=True))
    if form.by_tags:
        yield Cat.tags.contains(bindparam("tags", type_=ARRAY(Text)))
    if form.by_permission:
        asks_for_it = (
            select(Release.id)
            .join(ReleasePermission, ReleasePermission.release_id == Release.id)
            .join(Permission, Permission.id == ReleasePermission.permission_id)
            .where(Release.cat_id == Cat.id, Release.version == Cat.version)
            .where(Permission.permission_type == bindparam("permission_type", type_=Text))
        )
        yield asks_for_it.correlate(Cat).exists()
