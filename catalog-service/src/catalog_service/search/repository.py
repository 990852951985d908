"""All SQL about search."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    REAL,
    Boolean,
    ColumnElement,
    Float,
    FromClause,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.repository import cat_columns
from catalog_service.search.schemas import Sort
from catalog_service.search.spelling import is_kept, keys_of
from catalog_service.search.text import Word
from cathouse.database import AnyRow, AnySelect
from cathouse.schema import (
    DEVELOPER_GONE,
    SEARCH_CONFIGURATION,
    STEMMING_CONFIGURATION,
    Cat,
    CatSearch,
    CatStatus,
    Installation,
    InstallationStatus,
    Permission,
    PermissionType,
    Release,
    ReleasePermission,
    SearchWord,
    User,
    search_document,
    words_of,
)

MOST_WEIGHED = 1_000
"""Of more cats than these that have all words, the most popular ones are put in order."""

FEW = 10
"""When fewer than these have all words, those that have some of them come behind."""

MOST_OF_A_WORD = 200
"""Of more cats than these that have one of the words, the most popular ones are put in order."""

COMMON = 5_000
"""Cats from which on a word alone tells nothing, unless it is the rarest that was asked for."""

OVERLAP = dt.timedelta(minutes=5)
"""A change bears the time at which its transaction began, and is seen when that has ended: at most so much later."""

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


async def refresh(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Write what search reads of a cat, in the transaction that changed it or has locked it.

    An erased developer's name is left out: auth-service may not have anonymised it yet.
    """
    developer = case((Cat.suspension_reason.is_distinct_from(DEVELOPER_GONE), User.display_name), else_="")
    # Locked: a revision that voids documents at this moment locks no cat, and what it leaves is what was before.
    known = select(CatSearch.cat_id, CatSearch.words).where(CatSearch.cat_id == cat_id).with_for_update().cte("known")
    query = (
        select(Cat.name, Cat.description, Cat.tags, developer.label("developer"), known.c.words)
        .join(User, User.id == Cat.developer_id)
        .outerjoin(known, known.c.cat_id == Cat.id)
        .where(Cat.id == cat_id)
    )
    cat = (await session.execute(query)).one()
    words = sorted({word for text in (cat.name, cat.description, *cat.tags, cat.developer) for word in words_of(text)})
    document = search_document(name=cat.name, tags=cat.tags, description=cat.description, developer=cat.developer)
    values = {"document": document, "words": words, "documented_at": func.now()}
    statement = upsert(CatSearch).values(cat_id=cat_id, **values)
    # What another text means has to be found out anew.
    is_same = CatSearch.document == statement.excluded.document
    kept = {name: case((is_same, CatSearch.__table__.c[name])) for name in ("embedding", "embedding_model")}
    await session.execute(statement.on_conflict_do_update(index_elements=[CatSearch.cat_id], set_={**values, **kept}))
    await _count(session, before=cat.words or (), after=words)


async def forget(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Remove what search knows of a cat that is about to be removed."""
    words = await session.scalar(delete(CatSearch).where(CatSearch.cat_id == cat_id).returning(CatSearch.words))
    await _count(session, before=words or (), after=())


async def _count(session: AsyncSession, *, before: Sequence[str], after: Sequence[str]) -> None:
    """Keep the vocabulary: every word with the number of cats that have it, and no word that none has.

    Always in the order of the words, so that two who write at once wait for one another, never each for the other.
    """
    gained, lost = set(after) - set(before), set(before) - set(after)
    changed = sorted(word for word in gained | lost if is_kept(word))
    if not changed:
        return
    await session.execute(
        select(SearchWord.word).where(SearchWord.word.in_(changed)).order_by(SearchWord.word).with_for_update()
    )
    more = upsert(SearchWord)
    more = more.on_conflict_do_update(index_elements=[SearchWord.word], set_={"cats": SearchWord.cats + 1})
    if rows := [{"word": word, "cats": 1, "keys": keys_of(word)} for word in changed if word in gained]:
        await session.execute(more, rows)
    if fewer := [word for word in changed if word in lost]:
        last = delete(SearchWord).where(SearchWord.word.in_(fewer), SearchWord.cats == 1)
        await session.execute(last.execution_options(synchronize_session=False))
        less = update(SearchWord).where(SearchWord.word.in_(fewer)).values(cats=SearchWord.cats - 1)
        await session.execute(less.execution_options(synchronize_session=False))


async def count_installations(session: AsyncSession, *, since: dt.datetime | None) -> dt.datetime:
    """Count the living installations of the cats that have had changes after ``since``; None: of all.

    Returns the time at which that was. Another process that counts at the moment is left to it.
    """
    now: dt.datetime = (await session.execute(select(func.now()))).scalar_one()
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("cathouse.search.popularity")))):
        return now
    changed = select(Installation.cat_id).distinct()
    if since is not None:
        changed = changed.where(Installation.updated_at > since)
    is_living = Installation.status != InstallationStatus.UNINSTALLED
    counted = (
        select(Installation.cat_id, func.count().filter(is_living).label("living"))
        .where(Installation.cat_id.in_(changed) if since is not None else true())
        .group_by(Installation.cat_id)
        .subquery()
    )
    await session.execute(
        update(CatSearch)
        .where(CatSearch.cat_id == counted.c.cat_id, CatSearch.popularity != counted.c.living)
        .values(popularity=counted.c.living)
        .execution_options(synchronize_session=False)
    )
    return now


async def list_stale(
    session: AsyncSession, *, since: dt.datetime | None, after: uuid.UUID | None, limit: int
) -> Sequence[uuid.UUID]:
    """Cats behind ``after`` whose developer has changed after ``since``, or whose document is to be made anew.

    With None as ``since``: whose developer has changed after their document was made.
    """
    unmade = select(CatSearch.cat_id).where(CatSearch.documented_at.is_(None))
    renamed = select(CatSearch.cat_id).join(Cat, Cat.id == CatSearch.cat_id).join(User, User.id == Cat.developer_id)
    changed = User.updated_at > (CatSearch.documented_at - OVERLAP if since is None else since)
    stale = unmade.union(renamed.where(changed)).subquery()
    query = select(stale.c.cat_id).order_by(stale.c.cat_id).limit(limit)
    if after is not None:
        query = query.where(stale.c.cat_id > after)
    return (await session.scalars(query)).all()


async def lock_cats(session: AsyncSession, cat_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Keep their developers from changing them meanwhile, and return those that are still there.

    A statement of its own: what is read after it is what their last change has left.
    """
    query = select(Cat.id).where(Cat.id.in_(cat_ids)).order_by(Cat.id).with_for_update(key_share=True)
    return (await session.scalars(query)).all()


async def look_up(session: AsyncSession, words: Sequence[Word]) -> Mapping[str, AnyRow]:
    """Of each of ``words`` that the catalog does not have: ``candidates``, which it has and which may have been meant.

    ``begins`` says whether some of its words begin so.
    """
    asked = (
        func.unnest(
            literal([word.text for word in words], ARRAY(Text)),
            literal([word.is_last for word in words], ARRAY(Boolean)),
            literal([" ".join(keys_of(word.text)) for word in words], ARRAY(Text)),
        )
        .table_valued("word", "is_last", "shared", name="asked")
        .render_derived()
    )
    alike = (
        select(func.array_agg(SearchWord.word))
        .where(SearchWord.keys.op("&&")(func.string_to_array(asked.c.shared, " ")))
        .correlate(asked)
        .scalar_subquery()
    )
    statement = select(
        asked.c.word,
        func.coalesce(alike, cast([], ARRAY(Text))).label("candidates"),
        exists().where(_is_spelled(asked.c.word, LAST_CHARACTER)).correlate(asked).label("begins"),
    ).where(_is_unknown(asked))
    return {row.word: row for row in await session.execute(statement)}


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
    source = _scored(filters, words, meaning) if sort == Sort.RELEVANCE else _keyed(filters, sort, words)
    ascends = sort == Sort.NAME
    key, cat_id = source.selected_columns
    if after is not None:
        position, edge = tuple_(key, cat_id), tuple_(*(literal(value) for value in after))
        source = source.where(position > edge if ascends else position < edge)
    order = (key.asc(), cat_id.asc()) if ascends else (key.desc(), cat_id.desc())
    # What a cat's view costs is paid for the page alone.
    page = source.order_by(*order).limit(limit).subquery("page")
    statement = (
        cat_columns()
        .add_columns(page.c.sort_key)
        .join(page, page.c.cat_id == Cat.id)
        .order_by(*((page.c.sort_key, Cat.id) if ascends else (page.c.sort_key.desc(), Cat.id.desc())))
    )
    return (await session.execute(statement)).all()


def _keyed(filters: Filters, sort: Sort, words: Sequence[Word]) -> AnySelect:
    keys: Mapping[Sort, ColumnElement[Any]] = {
        Sort.NEWEST: Cat.created_at.expression,
        Sort.NAME: func.lower(Cat.name),
        Sort.POPULAR: CatSearch.popularity.expression,
    }
    if sort != Sort.POPULAR and not words:
        return select(keys[sort].label("sort_key"), Cat.id.label("cat_id")).where(*_conditions(filters))
    cat_id = CatSearch.cat_id if sort == Sort.POPULAR else Cat.id
    chosen: AnySelect = select(keys[sort].label("sort_key"), cat_id.label("cat_id")).select_from(Cat)
    chosen = chosen.join(CatSearch, CatSearch.cat_id == Cat.id).where(*_conditions(filters))
    return chosen.where(_has(_all(words))) if words else chosen


def _scored(filters: Filters, words: Sequence[Word], meaning: Meaning | None) -> AnySelect:
    asked = _asked(words)
    found = _found(filters, words, asked, meaning, most=MOST_WEIGHED)
    ranks = asked.c.weight * func.ts_rank(cast(list(_WEIGHTS), ARRAY(REAL)), CatSearch.document, asked.c.query)
    rank = select(func.sum(ranks)).select_from(asked).correlate(CatSearch).scalar_subquery()
    has_all = case((_has(_all(words)), HAS_ALL), else_=0)
    is_called_so = case((found.c.is_called_so, HAS_ALL), else_=0)
    liked = 1 + _LIKED * func.ln(1 + CatSearch.popularity)
    score: ColumnElement[Any] = rank * liked + has_all + is_called_so
    if meaning is not None:
        likeness = func.greatest(1 - _distance(meaning), 0)
        score += case((CatSearch.embedding_model == meaning.model, MEANT * likeness), else_=0)
    score = cast(score, Float(53))
    scored = (
        select(score.label("sort_key"), CatSearch.cat_id.label("cat_id"))
        .join(found, found.c.cat_id == CatSearch.cat_id)
        .subquery("scored")
    )
    return select(scored)


def _found(
    filters: Filters, words: Sequence[Word], asked: CTE, meaning: Meaning | None, *, most: int | None
) -> FromClause:
    """The cats that have all of ``words``, of more than ``most`` the most popular; and when they are few, some others.

    Those others have one of the words, of each word the most popular ones, or are nearest to the ``meaning``.
    """
    searched = select(CatSearch.cat_id).join(Cat, Cat.id == CatSearch.cat_id).where(*_conditions(filters))
    by_popularity = (CatSearch.popularity.desc(), CatSearch.cat_id.desc())
    every = searched.where(_has(_all(words))).order_by(*by_popularity).limit(most)
    exact = every.cte("exact").prefix_with("MATERIALIZED")
    with_one = searched.where(_has(asked.c.query)).order_by(*by_popularity).limit(MOST_OF_A_WORD)
    one = with_one.correlate(asked).lateral("one")
    rarest = select(func.min(asked.c.cats)).scalar_subquery()
    some = (
        select(one.c.cat_id)
        .select_from(asked.join(one, literal(True)))
        .where(
            select(func.count()).select_from(exact).scalar_subquery() < FEW,
            ~select(func.bool_or(asked.c.is_unknown)).scalar_subquery(),
            asked.c.is_telling,
            or_(asked.c.cats <= COMMON, asked.c.cats == rarest),
        )
    )
    # Who is called exactly so is among them, however many have the words and however few have installed it.
    called_so = searched.where(func.lower(Cat.name) == (filters.search or "").strip().lower())
    found = [select(exact.c.cat_id), some]
    if meaning is not None:
        is_near = _distance(meaning) < 1 - LEAST_LIKENESS
        near = searched.where(CatSearch.embedding_model == meaning.model, is_near)
        found.append(select(near.order_by(_distance(meaning)).limit(MOST_MEANT).subquery()))
    no, yes = (literal(value).label("is_called_so") for value in (False, True))
    each = union_all(*(part.add_columns(no) for part in found), called_so.add_columns(yes)).subquery()
    is_called_so = func.bool_or(each.c.is_called_so).label("is_called_so")
    return select(each.c.cat_id, is_called_so).group_by(each.c.cat_id).subquery("found")


def _distance(meaning: Meaning) -> ColumnElement[Any]:
    distance: ColumnElement[Any] = CatSearch.embedding.cosine_distance(list(meaning.vector))
    return distance


def _asked(words: Sequence[Word]) -> CTE:
    """The words as rows: the query of each, how many cats have it, and what it weighs (a rare word tells more)."""
    given = (
        func.unnest(
            literal([word.text for word in words], ARRAY(Text)),
            literal([word.query for word in words], ARRAY(Text)),
            literal([word.is_last for word in words], ARRAY(Boolean)),
            literal([word.is_telling for word in words], ARRAY(Boolean)),
        )
        .table_valued("word", "expression", "is_last", "is_telling", name="given")
        .render_derived()
    )
    cats = func.coalesce(SearchWord.cats, 0)
    stemmed = func.plainto_tsquery(STEMMING_CONFIGURATION, given.c.word)
    is_stop_word = and_(given.c.word != "", func.numnode(stemmed) == 0)
    return (
        select(
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


async def count_facets(
    session: AsyncSession,
    filters: Filters,
    sort: Sort,
    *,
    words: Sequence[Word],
    meaning: Meaning | None,
    most_tags: int,
) -> Sequence[AnyRow]:
    """Of the cats that :func:`find_cats` finds: how many have each tag and ask for each permission."""
    cats = select(Cat.id, Cat.tags, Cat.version).where(*_conditions(filters))
    if sort == Sort.RELEVANCE:
        ids = _found(filters, words, _asked(words), meaning, most=None)
        cats = cats.join(ids, ids.c.cat_id == Cat.id)
    elif words:
        cats = cats.join(CatSearch, CatSearch.cat_id == Cat.id).where(_has(_all(words)))
    found = cats.cte("matching").prefix_with("MATERIALIZED")
    tag = _each_of(found.c.tags)
    tags = (
        select(literal("tag").label("facet"), tag.label("value"), func.count().label("cats"))
        .select_from(found)
        .group_by(tag)
        .order_by(func.count().desc(), tag)
        .limit(most_tags)
    )
    permissions = (
        select(literal("permission_type"), Permission.permission_type, func.count())
        .select_from(found)
        .join(Release, (Release.cat_id == found.c.id) & (Release.version == found.c.version))
        .join(ReleasePermission, ReleasePermission.release_id == Release.id)
        .join(Permission, Permission.id == ReleasePermission.permission_id)
        .group_by(Permission.permission_type)
    )
    statement = select(tags.subquery()).union_all(permissions).subquery()
    ordered = select(statement).order_by(statement.c.facet, statement.c.cats.desc(), statement.c.value)
    return (await session.execute(ordered)).all()


async def list_tags(session: AsyncSession, *, after: tuple[int, str] | None, limit: int) -> Sequence[AnyRow]:
    """The tags of published cats, those that most cats have first."""
    tag = _each_of(Cat.tags)
    counted = (
        select(tag.label("value"), func.count().label("cats"))
        .select_from(Cat)
        .where(_is_published())
        .group_by(tag)
        .subquery()
    )
    query = select(counted).order_by(counted.c.cats.desc(), counted.c.value).limit(limit)
    if after is not None:
        count, value = after
        query = query.where((counted.c.cats < count) | ((counted.c.cats == count) & (counted.c.value > value)))
    return (await session.execute(query)).all()


def _each_of(tags: Any) -> ColumnElement[str]:  # noqa: ANN401 - a column
    each: ColumnElement[str] = func.unnest(tags).table_valued("tag", joins_implicitly=True).render_derived().c.tag
    return each


def _is_published() -> ColumnElement[bool]:
    # A literal, so that the partial indexes can be used.
    return Cat.status == literal(CatStatus.PUBLISHED.value, literal_execute=True)


def _query(expression: Any, word: Any) -> ColumnElement[Any]:  # noqa: ANN401 - values or columns
    """What finds a word as it was typed, and with another English ending."""
    typed = func.to_tsquery(SEARCH_CONFIGURATION, expression)
    return typed.op("||")(func.plainto_tsquery(STEMMING_CONFIGURATION, word))


def _all(words: Sequence[Word]) -> ColumnElement[Any]:
    queries = (_query(word.query, word.text) for word in words)
    return reduce(lambda query, another: query.op("&&")(another), queries)


def _has(query: ColumnElement[Any]) -> ColumnElement[bool]:
    return CatSearch.document.bool_op("@@")(query)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if not filters.drafts:
        conditions.append(_is_published())
    if filters.developer_id is not None:
        conditions.append(Cat.developer_id == filters.developer_id)
    if filters.tags:
        conditions.append(Cat.tags.contains(list(filters.tags)))
    if filters.permission_type is not None:
        asks_for_it = (
            select(Release.id)
            .join(ReleasePermission, ReleasePermission.release_id == Release.id)
            .join(Permission, Permission.id == ReleasePermission.permission_id)
            .where(Release.cat_id == Cat.id, Release.version == Cat.version)
            .where(Permission.permission_type == filters.permission_type)
        )
        conditions.append(asks_for_it.correlate(Cat).exists())
    return conditions
