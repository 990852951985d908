"""Keyset pagination: opaque cursors that stay right while rows are added."""

import base64
import binascii
import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Query

from cathouse.errors import ServiceError
from cathouse.web.contract.schemas import refuse_what_jsonb_refuses

Limit = Annotated[int, Query(ge=1, le=100, description="How many items a page holds.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")]

DEFAULT_LIMIT = 20

RowT = TypeVar("RowT")


class CursorMismatchError(ServiceError):
    """A cursor that was not given out for this list with these filters."""

    code = "cursor_mismatch"
    status = 400
    title = "The cursor belongs to another list"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__(
            "Use a cursor only with the filters and the sorting that it came with; start again without it."
        )


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page begins: after the row whose sort key is ``after``; ``after`` None is the first page."""

    limit: int
    after: tuple[Any, ...] | None
    fingerprint: str

    @classmethod
    def read(cls, cursor: str | None, *, limit: int, filters: Mapping[str, Any], types: Sequence[type]) -> "Keyset":
        """Open a cursor that :meth:`page` made for the same ``filters`` and a sort key of these ``types``.

        Raises:
            CursorMismatchError: when it is anything else.
        """
        fingerprint = _fingerprint(filters)
        if cursor is None:
            return cls(limit, None, fingerprint)
        try:
            made_for, *values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            if made_for != fingerprint or len(values) != len(types):
                raise CursorMismatchError
            after = tuple(_READERS[kind](value) for kind, value in zip(types, values, strict=True))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, binascii.Error, RecursionError):
            raise CursorMismatchError from None
        return cls(limit, after, fingerprint)

    def page(self, rows: Sequence[RowT], key: Callable[[RowT], tuple[Any, ...]]) -> tuple[Sequence[RowT], str | None]:
        """Cut ``rows`` (fetched with ``limit`` + 1) to a page, and make the cursor of the next one."""
        if len(rows) <= self.limit:
            return rows, None
        kept = rows[: self.limit]
        values = [value.isoformat() if isinstance(value, dt.datetime) else value for value in key(kept[-1])]
        text = json.dumps([self.fingerprint, *values], default=str)
        return kept, base64.urlsafe_b64encode(text.encode()).decode()


def _text(value: Any) -> str:  # noqa: ANN401 - what JSON held
    if not isinstance(value, str):
        raise TypeError("not text")
    refuse_what_jsonb_refuses(value)
    return value


def _moment(value: Any) -> dt.datetime:  # noqa: ANN401 - what JSON held
    moment = dt.datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(dt.UTC)


def _integer(value: Any) -> int:  # noqa: ANN401 - what JSON held
    number = int(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError("no column of ours holds it")
    return number


_READERS: dict[type, Callable[[Any], Any]] = {
    str: _text,
    int: _integer,
    float: float,
    dt.datetime: _moment,
    uuid.UUID: uuid.UUID,
}


def _fingerprint(filters: Mapping[str, Any]) -> str:
    text = json.dumps(filters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
