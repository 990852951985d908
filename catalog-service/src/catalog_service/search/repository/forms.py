"""What a list of cats is narrowed by, and the form that this gives its statements."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import UUID, ColumnElement, DateTime, Float, Integer, Text, bindparam, literal_column, tuple_
from sqlalchemy.types import TypeEngine

from catalog_service.search.schemas import Sort
from catalog_service.search.text import Word
from cathouse.schema import PermissionType, words_of

FORMS = 64
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
class Form:
    """What a statement looks like: all that is not a value. To put one together takes longer than to run it."""

    sort: Sort
    words: int
    by_tags: bool
    by_permission: bool
    by_developer: bool
    drafts: bool
    by_meaning: bool
    goes_on: bool

    @classmethod
    def of(
        cls, filters: Filters, sort: Sort, words: Sequence[Word], meaning: Meaning | None, *, goes_on: bool = False
    ) -> "Form":
        """The form of what finds this; ``goes_on``: behind another page."""
        return cls(
            sort,
            len(words),
            by_tags=bool(filters.tags),
            by_permission=filters.permission_type is not None,
            by_developer=filters.developer_id is not None,
            drafts=filters.drafts,
            by_meaning=meaning is not None and sort == Sort.RELEVANCE,
            goes_on=goes_on,
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether more has to be known of a cat than its words."""
        return self.by_tags or self.by_permission or self.by_developer

    @property
    def by_relevance(self) -> bool:
        """Whether the cats are put in order by how well they fit."""
        return self.sort == Sort.RELEVANCE

    def order(self, *columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        """What to order a list by that is sorted by ``columns``."""
        return [column.asc() if self.sort == Sort.NAME else column.desc() for column in columns]

    def is_behind(self, key: ColumnElement[Any], cat_id: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
        """Whether a cat comes behind the last one of the page before."""
        place = tuple_(key, cat_id)
        last = tuple_(
            bindparam("after_key", type_=_KEY_TYPES[self.sort]), bindparam("after_id", type_=UUID(as_uuid=True))
        )
        return place > last if self.sort == Sort.NAME else place < last


def written_out(number: int) -> ColumnElement[int]:
    """A limit as part of the statement: of one that it does not know the planner expects a tenth of all rows."""
    return literal_column(str(number), Integer)


def values_of(filters: Filters, words: Sequence[Word], meaning: Meaning | None) -> dict[str, Any]:
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


def most_asked() -> ColumnElement[int]:
    """How many are wanted: the value ``most``."""
    return bindparam("most", type_=Integer)
