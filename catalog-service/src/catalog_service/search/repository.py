"""All SQL that finds cats."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    UUID,
    Boolean,
    ColumnElement,
    DateTime,
    Float,
    FromClause,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from catalog_service.cats.repository import cat_columns
from catalog_service.search.schemas import Sort
from catalog_service.search.text import Word
from catalog_service.search_index.repository import permission_types
from catalog_service.search_index.spelling import keys_of
from cathouse.database import AnyRow, AnySelect
from cathouse.schema import (
    LOWEST_TIER,
    SEARCH_CONFIGURATION,
    STEMMING_CONFIGURATION,
    Cat,
    CatSearch,
    CatStatus,
    Permission,
    PermissionType,
    Release,
    ReleasePermission,
    SearchWord,
    words_of,
)

ENOUGH = 250
"""When so many cats of the more popular tiers have all words, those of the less popular ones are not looked at."""

MOST_WEIGHED = 1_000
"""Of more cats of one tier that have all words, the most popular ones are put in order."""

MOST_WALKED = 1_000
"""Cats at the beginning of a list that are looked at one by one for words that are frequent."""

FREQUENT = 2_000
"""Cats from which on a word is."""

MOST_ADDED = 100
"""Words whose cats are added up, to find out whether a beginning is frequent."""

MOST_COUNTED = 1_000
"""Where nothing is searched, facets are counted among so many of the most popular cats."""

FEW = 10
"""When fewer than these have all words, those that have some of them come behind."""

MOST_OF_A_WORD = 200
"""Of more cats than these that have one of the words, the most popular ones are put in order."""

COMMON = 5_000
"""Cats from which on a word alone tells nothing, unless it is the rarest that was asked for."""

LAST_CHARACTER = "\U0010ffff"
"""All that begins with a word comes before the word with this behind it."""

_WEIGHTS = (0.1, 0.2, 0.4, 1.0)
"""Of a word in the developer's name, the description, the tags and the cat's name: Postgres's D, C, B, A."""

MOST_MEANT = 50
"""Cats that are found by their meaning alone."""

LEAST_LIKENESS = 0.25
"""Cosine of the angle between two meanings, below which they have nothing to do with one another."""

MEANT = 1.0
"""What the likeness of meanings, 0 to 1, weighs beside the ranks of the words."""

HAS_ALL = 4
"""More than all ranks together can be: who has all words, and who is called so, comes first."""

_LIKED = 0.02
"""What living installations add to a rank: 2 % for each power of e."""

_FORMS = 64
"""Statements that are kept ready."""

_KEY_TYPES: Mapping[Sort, TypeEngine[Any]] = {
    Sort.RELEVANCE: Float(53),
    Sort.NEWEST: DateTime(timezone=True),
    Sort.POPULAR: Integer(),
    Sort.NAME: Text(),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of cats is narrowed by. ``developer_id`` with ``drafts`` shows a developer's own of any status."""

    search: str | None
    tags: tuple[str, ...]
    permission_type: PermissionType | None
    developer_id: uuid.UUID | None
    drafts: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a question means: a vector, and the model that made it."""

    vector: Sequence[float]
    model: str


@dataclass(frozen=True, slots=True)
class _Form:
    """What a statement looks like: all that is not a value. To put one together takes longer than to run it."""

    sort: Sort
    words: int
    by_tags: bool
    by_permission: bool
    by_developer: bool
    drafts: bool
    by_meaning: bool
    goes_on: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether more has to be known of a cat than its words."""
        return self.by_tags or self.by_permission or self.by_developer

    @property
    def by_relevance(self) -> bool:
        return self.sort == Sort.RELEVANCE


def _number(number: int) -> ColumnElement[int]:
    # Written out: of a limit that it does not know the planner expects a tenth of all rows.
    return literal_column(str(number), Integer)


def _form(filters: Filters, sort: Sort, words: Sequence[Word], meaning: Meaning | None, **more: Any) -> _Form:  # noqa: ANN401 - fields
    return _Form(
        sort,
        len(words),
        by_tags=bool(filters.tags),
        by_permission=filters.permission_type is not None,
        by_developer=filters.developer_id is not None,
        drafts=filters.drafts,
        by_meaning=meaning is not None and sort == Sort.RELEVANCE,
        **more,
    )


def _values(filters: Filters, words: Sequence[Word], meaning: Meaning | None) -> dict[str, Any]:
    """What goes into a statement of any form."""
    return {
        "tags": list(filters.tags),
        "permission_type": filters.permission_type,
        "developer_id": filters.developer_id,
        "words_of_tags": " & ".join(f"'{word}':B" for tag in filters.tags for word in words_of(tag)),
        "words": [word.text for word in words],
        "expressions": [word.query for word in words],
        "are_last": [word.is_last for word in words],
        "are_telling": [word.is_telling for word in words],
        "name": (filters.search or "").strip().lower(),
        "vector": None if meaning is None else list(meaning.vector),
        "model": None if meaning is None else meaning.model,
    }


async def look_up(session: AsyncSession, words: Sequence[Word]) -> Mapping[str, AnyRow]:
    """Of each of ``words`` that the catalog does not have: ``candidates``, which it has and which may have been meant.

    ``begins`` says whether some of its words begin so.
    """
    values = {
        "words": [word.text for word in words],
        "are_last": [word.is_last for word in words],
        "shared": [" ".join(keys_of(word.text)) for word in words],
    }
    return {row.word: row for row in await session.execute(_look_up(), values)}


@lru_cache(1)
def _look_up() -> AnySelect:
    asked = (
        func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _LOOKED_UP.items()))
        .table_valued("word", "is_last", "shared", name="asked")
        .render_derived()
    )
    alike = (
        select(func.array_agg(SearchWord.word))
        .where(SearchWord.keys.op("&&")(func.string_to_array(asked.c.shared, " ")))
        .correlate(asked)
        .scalar_subquery()
    )
    return select(
        asked.c.word,
        func.coalesce(alike, cast([], ARRAY(Text))).label("candidates"),
        exists().where(_is_spelled(asked.c.word, LAST_CHARACTER)).correlate(asked).label("begins"),
    ).where(_is_unknown(asked))


_LOOKED_UP: Mapping[str, type[TypeEngine[Any]]] = {"words": Text, "are_last": Boolean, "shared": Text}


def _is_spelled(word: ColumnElement[str], end: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a value or a column
    # One range of the index for both: with an empty end it holds the word itself.
    return SearchWord.word.between(word, word + end)


def _is_unknown(asked: FromClause) -> ColumnElement[bool]:
    end = case((asked.c.is_last, LAST_CHARACTER), else_="")
    return (asked.c.word != "") & ~exists().where(_is_spelled(asked.c.word, end)).correlate(asked)


async def find_cats(
    session: AsyncSession,
    filters: Filters,
    sort: Sort,
    *,
    words: Sequence[Word],
    meaning: Meaning | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """The cats that meet ``filters`` and have ``words``, from behind the sort key ``after`` on.

    The key is in the column ``sort_key``. By relevance those that have some of the words, or mean what is asked for,
    are found too when few have all of them.
    """
    key, cat_id = after or (None, None)
    values = {**_values(filters, words, meaning), "after_key": key, "after_id": cat_id, "most": limit}
    statement = _page(_form(filters, sort, words, meaning, goes_on=after is not None))
    return (await session.execute(statement, values)).all()


@lru_cache(_FORMS)
def _page(form: _Form) -> AnySelect:
    source = _scored(form) if form.by_relevance else _keyed(form)
    key, cat_id = source.selected_columns
    if form.goes_on:
        source = source.where(_is_behind(form, key, cat_id))
    # What a cat's view costs is paid for the page alone.
    page = source.order_by(*_order(form, key, cat_id)).limit(_most()).subquery("page")
    shown = cat_columns().add_columns(page.c.sort_key).join(page, page.c.cat_id == Cat.id)
    return shown.order_by(*_order(form, page.c.sort_key, page.c.cat_id))


def _order(form: _Form, *columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [column.asc() if form.sort == Sort.NAME else column.desc() for column in columns]


def _is_behind(form: _Form, key: ColumnElement[Any], cat_id: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    edge = tuple_(bindparam("after_key", type_=_KEY_TYPES[form.sort]), bindparam("after_id", type_=UUID(as_uuid=True)))
    return tuple_(key, cat_id) > edge if form.sort == Sort.NAME else tuple_(key, cat_id) < edge


def _most() -> ColumnElement[int]:
    return bindparam("most", type_=Integer)


def _keyed(form: _Form) -> AnySelect:
    keys: Mapping[Sort, ColumnElement[Any]] = {
        Sort.NEWEST: Cat.created_at.expression,
        Sort.NAME: func.lower(Cat.name),
        Sort.POPULAR: CatSearch.popularity.expression,
    }
    key = keys[form.sort].label("sort_key")
    if form.sort == Sort.POPULAR:
        if not form.words:
            return _of_search(form, (key,)).with_only_columns(key, CatSearch.cat_id)
        tiers = _tiers(form, _Question.of(form), (key,), enough=_most(), most=_most())
        return select(union_all(*(select(tier.c.sort_key, tier.c.cat_id) for tier in tiers)).subquery("tiers"))
    chosen: AnySelect = select(key, Cat.id.label("cat_id")).where(*_conditions(form))
    if not form.words:
        return chosen
    question = _Question.of(form)
    if form.goes_on:
        chosen = chosen.where(_is_behind(form, *chosen.selected_columns))
    return _nearest(form, question, chosen)


def _nearest(form: _Form, question: "_Question", chosen: AnySelect) -> AnySelect:
    """Those of ``chosen`` that have all words: of frequent ones a page is full soon, and the rest is not looked at."""
    first = chosen.order_by(*_order(form, *chosen.selected_columns)).limit(_number(MOST_WALKED)).subquery("first")
    is_frequent = select(func.min(_having(question.asked))).scalar_subquery() >= FREQUENT
    soon = (
        select(first.c.sort_key, first.c.cat_id)
        .join(CatSearch, CatSearch.cat_id == first.c.cat_id)
        # A function, for which there is no index: one by one, in the order of the list.
        .where(is_frequent, func.ts_match_vq(CatSearch.document, question.every))
        .order_by(*_order(form, first.c.sort_key, first.c.cat_id))
        .limit(_most())
        .cte("soon")
        .prefix_with("MATERIALIZED")
    )
    is_full = _count([soon]) >= _most()
    every = chosen.join(CatSearch, CatSearch.cat_id == Cat.id).where(_has(question.every), ~is_full)
    return select(union_all(select(soon).where(is_full), every).subquery("nearest"))


def _having(asked: CTE) -> ColumnElement[int]:
    """About how many cats have a word; of one in the making, those of some words that begin so are added up."""
    # Where as many begin so as are added up, it is frequent, whatever these are: there are others.
    cats = func.greatest(SearchWord.cats, FREQUENT // MOST_ADDED).label("cats")
    begun = select(cats).where(_is_spelled(asked.c.word, LAST_CHARACTER)).limit(_number(MOST_ADDED))
    begun_by = select(func.coalesce(func.sum(begun.correlate(asked).subquery().c.cats), 0)).scalar_subquery()
    return case((asked.c.is_last, begun_by), else_=asked.c.cats)


def _scored(form: _Form) -> AnySelect:
    question = _Question.of(form)
    score = _score(form, question)
    has_all = case((_has(question.every), HAS_ALL), else_=0)
    tiers = _tiers(form, question, ((score + HAS_ALL).label("score"),))
    sources = [
        *(select(tier) for tier in tiers),
        *_others(form, question, ((score + has_all).label("score"),), tiers),
        # Who is called exactly so is among them, however many have the words and however few have installed it.
        _called_so(form, ((score + has_all + HAS_ALL).label("score"),)),
    ]
    each = union_all(*sources).subquery("each")
    found = select(cast(func.max(each.c.score), Float(53)).label("sort_key"), each.c.cat_id)
    return select(found.group_by(each.c.cat_id).subquery("found"))


def _score(form: _Form, question: "_Question") -> ColumnElement[Any]:
    weights: ColumnElement[Any] = literal_column(f"'{{{', '.join(map(str, _WEIGHTS))}}}'::real[]")
    ranks = (
        weight * func.ts_rank(weights, CatSearch.document, query)
        for weight, query in zip(question.weights, question.queries, strict=True)
    )
    score: ColumnElement[Any] = reduce(add, ranks) * (1 + _LIKED * func.ln(1 + CatSearch.popularity))
    if form.by_meaning:
        likeness = func.greatest(1 - _distance(), 0)
        score += case((CatSearch.embedding_model == _model(), MEANT * likeness), else_=0)
    return score


@dataclass(frozen=True, slots=True)
class _Question:
    """What was asked, as SQL: each word as a row of ``asked``, and what is read of it once for the whole statement."""

    asked: CTE
    every: ColumnElement[Any]
    """Finds the cats that have all words."""
    queries: Sequence[ColumnElement[Any]]
    weights: Sequence[ColumnElement[Any]]

    @classmethod
    def of(cls, form: _Form) -> "_Question":
        """The words of a statement of this form."""
        asked = _asked()
        numbers = range(1, form.words + 1)
        of_words = [
            select(asked.c[name]).where(asked.c.position == number).scalar_subquery().label(f"{name}_{number}")
            for name in ("query", "weight")
            for number in numbers
        ]
        every = reduce(
            lambda query, another: query.op("&&")(another), (each.element for each in of_words[: form.words])
        )
        question = select(every.label("every"), *of_words).cte("question").prefix_with("MATERIALIZED")

        def once(name: str) -> ColumnElement[Any]:
            # A subquery, which is run once: to make a query of a text for each cat would take longer than all else.
            return select(question.c[name]).scalar_subquery()

        return cls(
            asked,
            once("every"),
            [once(f"query_{number}") for number in numbers],
            [once(f"weight_{number}") for number in numbers],
        )


def _asked() -> CTE:
    """The words as rows: the query of each, how many cats have it, and what it weighs (a rare word tells more)."""
    given = (
        func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _ASKED.items()))
        .table_valued("word", "expression", "is_last", "is_telling", with_ordinality="position", name="given")
        .render_derived()
    )
    cats = func.coalesce(SearchWord.cats, 0)
    stemmed = func.plainto_tsquery(STEMMING_CONFIGURATION, given.c.word)
    is_stop_word = and_(given.c.word != "", func.numnode(stemmed) == 0)
    return (
        select(
            given.c.position,
            given.c.word,
            given.c.is_last,
            _query(given.c.expression, given.c.word).label("query"),
            cats.label("cats"),
            (1 / func.sqrt(1 + cats)).label("weight"),
            and_(given.c.is_telling, ~is_stop_word).label("is_telling"),
            _is_unknown(given).label("is_unknown"),
        )
        .select_from(given.outerjoin(SearchWord, SearchWord.word == given.c.word))
        .cte("asked")
        .prefix_with("MATERIALIZED")
    )


_ASKED: Mapping[str, type[TypeEngine[Any]]] = {
    "words": Text,
    "expressions": Text,
    "are_last": Boolean,
    "are_telling": Boolean,
}


def _query(expression: Any, word: Any) -> ColumnElement[Any]:  # noqa: ANN401 - columns
    """What finds a word as it was typed, and with another English ending."""
    typed = func.to_tsquery(SEARCH_CONFIGURATION, expression)
    return typed.op("||")(func.plainto_tsquery(STEMMING_CONFIGURATION, word))


def _has(query: ColumnElement[Any]) -> ColumnElement[bool]:
    return CatSearch.document.bool_op("@@")(query)


def _tiers(
    form: _Form,
    question: _Question,
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
        tier = _of_search(form, read).where(_has(question.every))
        if number is not None:
            tier = tier.where(CatSearch.tier == literal_column(str(number)))
        if tiers:
            tier = tier.where(_count(tiers) < (_number(ENOUGH) if enough is None else enough))
        if form.goes_on and not form.by_relevance:
            tier = tier.where(_is_behind(form, CatSearch.popularity.expression, CatSearch.cat_id.expression))
        tier = tier.order_by(*_BY_POPULARITY).limit(_number(MOST_WEIGHED) if most is None else most)
        tiers.append(tier.cte(f"tier_{number}").prefix_with("MATERIALIZED"))
    return tiers


def _count(parts: Sequence[CTE]) -> ColumnElement[int]:
    return reduce(add, (select(func.count()).select_from(part).scalar_subquery() for part in parts))


_BY_POPULARITY = (CatSearch.popularity.desc(), CatSearch.cat_id.desc())


def _others(
    form: _Form, question: _Question, read: Sequence[ColumnElement[Any]], tiers: Sequence[CTE]
) -> Iterator[AnySelect]:
    """Where few cats have all words: of each word the most popular ones that have it, or who is nearest in meaning."""
    asked = question.asked
    with_one = (
        _of_search(form, read).where(_has(asked.c.query)).order_by(*_BY_POPULARITY).limit(_number(MOST_OF_A_WORD))
    )
    one = with_one.correlate(asked).lateral("one")
    rarest = select(func.min(asked.c.cats)).scalar_subquery()
    yield (
        select(*one.c)
        .select_from(asked.join(one, true()))
        .where(
            _count(tiers) < FEW,
            ~select(func.bool_or(asked.c.is_unknown)).scalar_subquery(),
            asked.c.is_telling,
            or_(asked.c.cats <= COMMON, asked.c.cats == rarest),
        )
    )
    if form.by_meaning:
        is_near = _distance() < 1 - LEAST_LIKENESS
        near = _of_search(form, read).where(CatSearch.embedding_model == _model(), is_near)
        yield select(near.order_by(_distance()).limit(_number(MOST_MEANT)).subquery("near"))


def _called_so(form: _Form, read: Sequence[ColumnElement[Any]]) -> AnySelect:
    named = select(CatSearch.cat_id, *read).join(Cat, Cat.id == CatSearch.cat_id).where(*_conditions(form))
    return named.where(func.lower(Cat.name) == bindparam("name", type_=Text))


def _distance() -> ColumnElement[Any]:
    distance: ColumnElement[Any] = CatSearch.embedding.cosine_distance(bindparam("vector"))
    return distance


def _model() -> ColumnElement[str]:
    return bindparam("model", type_=Text)


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
    statement = _facets(_form(filters, sort, words, meaning))
    return (await session.execute(statement, {**_values(filters, words, meaning), "most": most_tags})).all()


@lru_cache(_FORMS)
def _facets(form: _Form) -> AnySelect:
    found = _counted(form).cte("counted").prefix_with("MATERIALIZED")
    tags = _grouped("tags", found)
    tags = tags.order_by(tags.selected_columns.cats.desc(), tags.selected_columns.value).limit(_most())
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


def _counted(form: _Form) -> AnySelect:
    """The cats of which facets are counted, with what is counted of each."""
    # What is noted of a draft may be older than its release.
    read: Sequence[ColumnElement[Any]] = (
        (Cat.tags.label("tags"), permission_types().label("permission_types"))
        if form.drafts
        else (CatSearch.tags.expression, CatSearch.permission_types.expression)
    )
    if not form.words:
        return _of_search(form, read).order_by(*_BY_POPULARITY).limit(_number(MOST_COUNTED))
    question = _Question.of(form)
    tiers = _tiers(form, question, read)
    sources = [select(tier) for tier in tiers]
    if form.by_relevance:
        sources += [*_others(form, question, read, tiers), _called_so(form, read)]
    each = union_all(*sources).subquery("each")
    return select(each).ext(distinct_on(each.c.cat_id))


def _of_search(form: _Form, read: Sequence[ColumnElement[Any]]) -> AnySelect:
    """Of each cat that meets the filters what is to be ``read``; ``cats`` is looked at only where one is set."""
    chosen: AnySelect = select(CatSearch.cat_id, *read)
    if not form.drafts:
        chosen = chosen.where(CatSearch.tier.is_not(None))
    if form.by_tags and form.words:
        # Who has the tags has their words in the document, with their weight: the index of words finds both at once.
        tagged = func.to_tsquery(SEARCH_CONFIGURATION, bindparam("words_of_tags", type_=Text))
        chosen = chosen.where(_has(select(tagged).scalar_subquery()))
    if form.is_narrowed:
        chosen = chosen.join(Cat, Cat.id == CatSearch.cat_id).where(*_filters(form))
    return chosen


def _conditions(form: _Form) -> list[ColumnElement[bool]]:
    return [*([] if form.drafts else [_is_published()]), *_filters(form)]


def _is_published() -> ColumnElement[bool]:
    # A literal, so that the partial indexes can be used.
    return Cat.status == literal_column(f"'{CatStatus.PUBLISHED}'")


def _filters(form: _Form) -> Iterator[ColumnElement[bool]]:
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


def _each_of(values: Any) -> ColumnElement[str]:  # noqa: ANN401 - a column
    each: ColumnElement[str] = func.unnest(values).table_valued("each", joins_implicitly=True).render_derived().c.each
    return each


async def count_tags(session: AsyncSession) -> Sequence[AnyRow]:
    """The tags of published cats with how many have each, the most frequent first."""
    return (await session.execute(_COUNT_TAGS)).all()


_TAG = _each_of(Cat.tags)
_COUNT_TAGS = (
    select(_TAG.label("value"), func.count().label("cats"))
    .select_from(Cat)
    .where(_is_published())
    .group_by(_TAG)
    .order_by(func.count().desc(), _TAG)
)
