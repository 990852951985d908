"""The rules of search: what is looked through, in which order, and what is tried when nothing is found."""

import datetime as dt
import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.embeddings.service import EmbeddingService
from catalog_service.search import repository
from catalog_service.search.repository import Filters, Meaning
from catalog_service.search.schemas import Count, Facets, Sort
from catalog_service.search.tags import TagCount, TagCounts
from catalog_service.search.text import Word, beginning, one_of, words_asked
from catalog_service.search_index.spelling import corrections
from cathouse.database import AnyRow, Database
from cathouse.web import Keyset

MOST_TAGS = 50
"""Tags that are counted beside a list."""

_KEY_TYPES: dict[Sort, type] = {Sort.RELEVANCE: float, Sort.NEWEST: dt.datetime, Sort.POPULAR: int, Sort.NAME: str}


class Reading(enum.IntFlag):
    """How a question is read. Part of the cursor, so that pages fit together."""

    AS_TYPED = 0
    MENDED = 1
    BY_MEANING = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A page of cats; ``facets`` of all that were found, when they were asked for.

    ``of_all_words`` are those of the page, by relevance, that have everything that was asked for.
    """

    rows: Sequence[AnyRow]
    next_cursor: str | None
    facets: Facets | None
    reading: Reading
    of_all_words: int


class SearchService:
    """Lists cats."""

    def __init__(self, database: Database, embeddings: EmbeddingService) -> None:
        self._database = database
        self._embeddings = embeddings
        self._tags = TagCounts(database)

    async def find(
        self, filters: Filters, sort: Sort | None, *, cursor: str | None, limit: int, facets: bool = False
    ) -> Found:
        """One page of cats and the cursor of the next; by relevance when something is searched, else newest first.

        Cats that have all words are found, the last word being a beginning, and by relevance, when they are few, those
        behind them that have some or, where there is a model, mean the same. When nothing is found, typing errors are
        mended.

        Raises:
            CursorMismatchError: when the cursor was given out for another question.
        """
        asked = words_asked(filters.search or "")
        chosen = sort or Sort.RELEVANCE
        if chosen == Sort.RELEVANCE and not asked:
            chosen = Sort.NEWEST
        keyset = Keyset.read(
            cursor,
            limit=limit,
            filters={"sort": chosen, "filters": repr(filters)},
            types=(int, _KEY_TYPES[chosen], uuid.UUID),
        )
        if keyset.after is not None:
            number, *after = keyset.after
            reading = Reading(number & (Reading.MENDED | Reading.BY_MEANING))
            meaning = await self._meaning(filters) if Reading.BY_MEANING in reading else None
            return await self._read(filters, chosen, asked, reading, keyset, meaning, tuple(after), facets=facets)
        found = await self._read(filters, chosen, asked, Reading.AS_TYPED, keyset, facets=facets)
        if chosen != Sort.RELEVANCE or found.of_all_words >= min(repository.FEW, limit + 1):
            return found
        meaning = await self._meaning(filters)
        if meaning is None:
            return found
        reading = found.reading | Reading.BY_MEANING
        return await self._read(filters, chosen, asked, reading, keyset, meaning, facets=facets)

    async def _read(
        self,
        filters: Filters,
        sort: Sort,
        asked: Sequence[Word],
        reading: Reading,
        keyset: Keyset,
        meaning: Meaning | None = None,
        after: tuple[Any, ...] | None = None,
        *,
        facets: bool,
    ) -> Found:
        async def search(session: AsyncSession) -> Found:
            used, words = reading, asked
            if Reading.MENDED in reading:
                words = await _mended(session, asked) or asked
            find = partial(
                repository.find_cats, session, filters, sort, meaning=meaning, after=after, limit=keyset.limit + 1
            )
            rows = await find(words=words)
            if not rows and after is None and asked:
                mended = await _mended(session, asked)
                if mended not in ([], asked):
                    used, words = reading | Reading.MENDED, mended
                    rows = await find(words=words)
            counts = await _facets(session, filters, sort, words, meaning) if facets else None
            of_all_words = sum(sort == Sort.RELEVANCE and row.sort_key >= repository.HAS_ALL for row in rows)
            shown, next_cursor = keyset.page(rows, lambda row: (int(used), row.sort_key, row.id))
            return Found(shown, next_cursor, counts, used, of_all_words)

        return await self._database.read(search)

    async def _meaning(self, filters: Filters) -> Meaning | None:
        vector = await self._embeddings.meaning_of((filters.search or "").strip())
        model = self._embeddings.model
        return Meaning(vector, model) if vector is not None and model is not None else None

    async def tags(self, *, cursor: str | None, limit: int) -> tuple[Sequence[TagCount], str | None]:
        """One page of the tags that published cats have, and the cursor of the next; the most frequent first.

        They were counted within the last minute.

        Raises:
            CursorMismatchError: when the cursor was given out for another list.
        """
        keyset = Keyset.read(cursor, limit=limit, filters={"list": "tags"}, types=(int, str))
        rows = await self._tags.page(after=keyset.after, limit=keyset.limit + 1)
        return keyset.page(rows, lambda row: (row.cats, row.value))


async def _mended(session: AsyncSession, words: Sequence[Word]) -> list[Word]:
    """The words with their typing errors mended, and without those that the catalog has nothing like."""
    unknown = await repository.look_up(session, words)
    mended: list[Word] = []
    for word in words:
        if word.text not in unknown:
            mended.append(word)
        elif unknown[word.text].begins:
            mended.append(beginning(word.text))
        elif meant := corrections(word.text, unknown[word.text].candidates, is_last=word.is_last):
            mended.append(one_of(meant))
    return mended


async def _facets(
    session: AsyncSession, filters: Filters, sort: Sort, words: Sequence[Word], meaning: Meaning | None
) -> Facets:
    rows = await repository.count_facets(session, filters, sort, words=words, meaning=meaning, most_tags=MOST_TAGS)
    counts = {
        facet: [Count(value=row.value, count=row.cats) for row in rows if row.facet == facet]
        for facet in ("tags", "permission_types")
    }
    (counted,) = (row.cats for row in rows if row.facet == "cats")
    return Facets(counted=counted, tags=counts["tags"], permission_types=counts["permission_types"])
