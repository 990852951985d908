"""The words that the catalog has, and which of them may have been meant."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, FromClause, Text, bindparam, case, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from catalog_service.search.text import Word
from catalog_service.search_index.spelling import keys_of
from cathouse.database import AnyRow, AnySelect
from cathouse.schema import SearchWord

LAST_CHARACTER = "\U0010ffff"
"""All that begins with a word comes before the word with this behind it."""

_LOOKED_UP: Mapping[str, type[TypeEngine[Any]]] = {"words": Text, "are_last": Boolean, "shared": Text}


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
        exists().where(is_spelled(asked.c.word, LAST_CHARACTER)).correlate(asked).label("begins"),
    ).where(is_unknown(asked))


def is_spelled(word: ColumnElement[str], end: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Whether a word of the catalog is ``word`` (``end`` is empty), or begins so (it is ``LAST_CHARACTER``)."""
    # One range of the index for both: with an empty end it holds the word itself.
    return SearchWord.word.between(word, word + end)


def is_unknown(asked: FromClause) -> ColumnElement[bool]:
    """Whether the catalog lacks ``asked.c.word``; if ``asked.c.is_last``, also any that begins so."""
    end = case((asked.c.is_last, LAST_CHARACTER), else_="")
    return (asked.c.word != "") & ~exists().where(is_spelled(asked.c.word, end)).correlate(asked)
