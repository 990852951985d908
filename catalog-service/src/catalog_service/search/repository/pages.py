"""Pages of lists of cats."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, case, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.repository import cat_columns
from catalog_service.search.repository.candidates import conditions, count_of, has, of_search, tiers_of
from catalog_service.search.repository.forms import FORMS, Filters, Form, Meaning, most_asked, values_of, written_out
from catalog_service.search.repository.questions import Question
from catalog_service.search.repository.relevance import scored
from catalog_service.search.repository.words import LAST_CHARACTER, is_spelled
from catalog_service.search.schemas import Sort
from catalog_service.search.text import Word
from cathouse.database import AnyRow, AnySelect
from cathouse.schema import Cat, CatSearch, SearchWord

MOST_WALKED = 1_000
"""Cats at the beginning of a list that are looked at one by one for words that are frequent."""

FREQUENT = 2_000
"""Cats from which on a word is."""

MOST_ADDED = 100
"""Words whose cats are added up, to find out whether a beginning is frequent."""


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
    values = {**values_of(filters, words, meaning), "after_key": key, "after_id": cat_id, "most": limit}
    statement = _page(Form.of(filters, sort, words, meaning, goes_on=after is not None))
    return (await session.execute(statement, values)).all()


@lru_cache(FORMS)
def _page(form: Form) -> AnySelect:
    source = scored(form) if form.by_relevance else _keyed(form)
    key, cat_id = source.selected_columns
    if form.goes_on:
        source = source.where(form.is_behind(key, cat_id))
    # What a cat's view costs is paid for the page alone.
    page = source.order_by(*form.order(key, cat_id)).limit(most_asked()).subquery("page")
    shown = cat_columns().add_columns(page.c.sort_key).join(page, page.c.cat_id == Cat.id)
    return shown.order_by(*form.order(page.c.sort_key, page.c.cat_id))


def _keyed(form: Form) -> AnySelect:
    keys: Mapping[Sort, ColumnElement[Any]] = {
        Sort.NEWEST: Cat.created_at.expression,
        Sort.NAME: func.lower(Cat.name),
        Sort.POPULAR: CatSearch.popularity.expression,
    }
    key = keys[form.sort].label("sort_key")
    if form.sort == Sort.POPULAR:
        if not form.words:
            return of_search(form, (key,)).with_only_columns(key, CatSearch.cat_id)
        tiers = tiers_of(form, Question.of(form), (key,), enough=most_asked(), most=most_asked())
        return select(union_all(*(select(tier.c.sort_key, tier.c.cat_id) for tier in tiers)).subquery("tiers"))
    chosen: AnySelect = select(key, Cat.id.label("cat_id")).where(*conditions(form))
    if not form.words:
        return chosen
    question = Question.of(form)
    if form.goes_on:
        chosen = chosen.where(form.is_behind(*chosen.selected_columns))
    return _nearest(form, question, chosen)


def _nearest(form: Form, question: Question, chosen: AnySelect) -> AnySelect:
    """Those of ``chosen`` that have all words: of frequent ones a page is full soon, and the rest is not looked at."""
    first = chosen.order_by(*form.order(*chosen.selected_columns)).limit(written_out(MOST_WALKED)).subquery("first")
    is_frequent = select(func.min(_having(question.asked))).scalar_subquery() >= FREQUENT
    soon = (
        select(first.c.sort_key, first.c.cat_id)
        .join(CatSearch, CatSearch.cat_id == first.c.cat_id)
        # A function, for which there is no index: one by one, in the order of the list.
        .where(is_frequent, func.ts_match_vq(CatSearch.document, question.every))
        .order_by(*form.order(first.c.sort_key, first.c.cat_id))
        .limit(most_asked())
        .cte("soon")
        .prefix_with("MATERIALIZED")
    )
    is_full = count_of([soon]) >= most_asked()
    every = chosen.join(CatSearch, CatSearch.cat_id == Cat.id).where(has(question.every), ~is_full)
    return select(union_all(select(soon).where(is_full), every).subquery("nearest"))


def _having(asked: CTE) -> ColumnElement[int]:
    """About how many cats have a word; of one in the making, those of some words that begin so are added up."""
    # Where as many begin so as are added up, it is frequent, whatever these are: there are others.
    cats = func.greatest(SearchWord.cats, FREQUENT // MOST_ADDED).label("cats")
    begun = select(cats).where(is_spelled(asked.c.word, LAST_CHARACTER)).limit(written_out(MOST_ADDED))
    begun_by = select(func.coalesce(func.sum(begun.correlate(asked).subquery().c.cats), 0)).scalar_subquery()
    return case((asked.c.is_last, begun_by), else_=asked.c.cats)
