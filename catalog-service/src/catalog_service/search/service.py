"""The rules of search: what is looked through, and in which order."""

import datetime as dt
import uuid
from collections.abc import Sequence

from catalog_service.search.repository import Filters, find_cats
from catalog_service.search.schemas import Sort
from catalog_service.search.text import prefix_query
from cathouse.database import AnyRow, Database
from cathouse.web import Keyset


class SearchService:
    """Lists cats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, filters: Filters, sort: Sort | None, *, cursor: str | None, limit: int
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of cats and the cursor of the next; by relevance when something is searched, else newest first.

        Raises:
            CursorMismatchError: when the cursor was given out for another question.
        """
        searches = prefix_query(filters.search or "") is not None
        chosen = sort or (Sort.RELEVANCE if searches else Sort.NEWEST)
        if chosen == Sort.RELEVANCE and not searches:
            chosen = Sort.NEWEST
        kind: type = {Sort.NAME: str, Sort.RELEVANCE: float, Sort.NEWEST: dt.datetime}[chosen]
        fingerprint = {"sort": chosen, "filters": repr(filters)}
        keyset = Keyset.read(cursor, limit=limit, filters=fingerprint, types=(kind, uuid.UUID))
        rows = await self._database.read(
            lambda session: find_cats(session, filters, chosen, after=keyset.after, limit=limit + 1)
        )
        return keyset.page(rows, lambda row: (row.sort_key, row.id))
