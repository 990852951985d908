"""What requests and answers have in common."""

import datetime as dt
import math
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

ItemT = TypeVar("ItemT")


def refuse_what_jsonb_refuses(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return ``value``, unless Postgres could not keep it.

    Raises:
        ValueError: for NUL, lone surrogates and numbers that JSON does not have.
    """
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            if "\x00" in each:
                raise ValueError("the character U+0000 is not allowed")
            if not each.isascii() and any("\ud800" <= character <= "\udfff" for character in each):
                raise ValueError("lone surrogates are not allowed")
        elif isinstance(each, float) and not math.isfinite(each):
            raise ValueError("NaN and Infinity are not JSON")
        elif isinstance(each, dict):
            pending.extend(each.keys())
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return value


JsonValue = Annotated[Any, AfterValidator(refuse_what_jsonb_refuses)]
"""Any JSON value that Postgres can keep."""

SafeText = Annotated[str, BeforeValidator(refuse_what_jsonb_refuses)]
"""A string that Postgres can keep; for query and path parameters (bodies are checked as a whole)."""


def _utc_text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[dt.datetime, PlainSerializer(_utc_text, return_type=str, when_used="json")]
"""A time in an answer: RFC 3339, in UTC."""


class RequestModel(BaseModel):
    """A request body: unknown members are refused, and so is what Postgres could not keep."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's hook
        return refuse_what_jsonb_refuses(data)


class Page(BaseModel, Generic[ItemT]):
    """One page of a list; ``next_cursor`` is null on the last."""

    items: list[ItemT]
    next_cursor: str | None = None
