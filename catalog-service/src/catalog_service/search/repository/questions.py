"""The words that were asked for, as SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlalchemy import ARRAY, CTE, Boolean, ColumnElement, Text, and_, bindparam, func, select
from sqlalchemy.types import TypeEngine

from catalog_service.search.repository.forms import Form
from catalog_service.search.repository.words import is_unknown
from cathouse.schema import SEARCH_CONFIGURATION, STEMMING_CONFIGURATION, SearchWord

_ASKED: Mapping[str, type[TypeEngine[Any]]] = {
    "words": Text,
    "expressions": Text,
    "are_last": Boolean,
    "are_telling": Boolean,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as SQL: each word as a row of ``asked``, and what is read of it once for the whole statement."""

    asked: CTE
    every: ColumnElement[Any]
    """Finds the cats that have all words."""
    queries: Sequence[ColumnElement[Any]]
    weights: Sequence[ColumnElement[Any]]

    @classmethod
    def of(cls, form: Form) -> "Question":
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
            is_unknown(given).label("is_unknown"),
        )
        .select_from(given.outerjoin(SearchWord, SearchWord.word == given.c.word))
        .cte("asked")
        .prefix_with("MATERIALIZED")
    )


def _query(expression: ColumnElement[str], word: ColumnElement[str]) -> ColumnElement[Any]:
    """What finds a word as it was typed, and with another English ending."""
    typed = func.to_tsquery(SEARCH_CONFIGURATION, expression)
    return typed.op("||")(func.plainto_tsquery(STEMMING_CONFIGURATION, word))
