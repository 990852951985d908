"""What requests and answers have in common."""

import datetime as dt
import math
import re
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cathouse.database import AnyRow

ItemT = TypeVar("ItemT")
ModelT = TypeVar("ModelT", bound=BaseModel)


DEEPEST_JSON = 64
"""Levels. Pydantic gives up serialising beyond some 250, so what is kept must stay far below."""


def refuse_what_jsonb_refuses(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return ``value``, unless it could not be kept in Postgres and given back.

    Raises:
        ValueError: for NUL, lone surrogates, numbers that JSON does not have, and more than ``DEEPEST_JSON`` levels.
    """
    level = [value]
    for _ in range(DEEPEST_JSON):
        children: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _refuse_text(each)
            elif isinstance(each, float) and not math.isfinite(each):
                raise ValueError("NaN and Infinity are not JSON")
            elif isinstance(each, dict):
                children += each.keys()
                children += each.values()
            elif isinstance(each, list):
                children += each
        if not children:
            return value
        level = children
    raise ValueError(f"it is nested deeper than {DEEPEST_JSON} levels")


def _refuse_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("the character U+0000 is not allowed")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("lone surrogates are not allowed")


JsonValue = Annotated[Any, AfterValidator(refuse_what_jsonb_refuses)]
"""Any JSON value that Postgres can keep."""

SafeText = Annotated[str, BeforeValidator(refuse_what_jsonb_refuses)]
"""A string that Postgres can keep; for query and path parameters (bodies are checked as a whole)."""


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def refuse_other_than_text(value: Any) -> Any:  # noqa: ANN401 - pydantic's hook
    """Return ``value`` if it is text: pydantic would take a number for a time as well.

    Raises:
        ValueError: when it is anything else.
    """
    if not isinstance(value, str):
        raise ValueError("expected text")  # noqa: TRY004 - pydantic makes a 422 of ValueError only
    return value


def _refuse_other_than_numbers(value: Any) -> Any:  # noqa: ANN401 - pydantic's hook
    if isinstance(value, bool | str):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic makes a 422 of ValueError only
    return value


def _refuse_times_without_utc(moment: dt.datetime) -> dt.datetime:
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from None


Flag = Annotated[bool, Strict()]
"""``true`` or ``false`` in a request body: neither 1 nor "yes" consents to anything."""

Whole = Annotated[int, BeforeValidator(_refuse_other_than_numbers)]
"""A whole number in a request body: neither ``true`` nor "1"."""


def _refuse_other_than_dates(value: Any) -> Any:  # noqa: ANN401 - pydantic's hook
    if not _DATE.match(refuse_other_than_text(value)):
        raise ValueError("expected a time as RFC 3339 writes it")
    return value


GivenMoment = Annotated[
    AwareDatetime, BeforeValidator(_refuse_other_than_dates), AfterValidator(_refuse_times_without_utc)
]
"""A time in a request: RFC 3339 with its offset; it arrives in UTC. Pydantic alone would take "0" for one as well."""


def rfc3339(moment: dt.datetime) -> str:
    """A time as we write it, for people's programs and for cats: in UTC."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[
    dt.datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time in an answer: RFC 3339, in UTC."""


class RequestModel(BaseModel):
    """A request body: unknown members are refused, and so is what Postgres could not keep."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's hook
        return refuse_what_jsonb_refuses(data)


class ChangeModel(RequestModel):
    """A request body of which what is left out stays as it is."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Pydantic's hook. The defaults of the fields are never what is kept, so the document has none."""
        schema = handler(core)
        for field in handler.resolve_ref_schema(schema)["properties"].values():
            field.pop("default", None)
        return schema


def view_of(model: type[ModelT], row: AnyRow) -> ModelT:
    """The row of a query as ``model`` shows it: its fields are the columns' names, other columns are left out.

    By the row's mapping: by its attributes (pydantic's ``from_attributes``) takes up to twice as long.
    """
    return model.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it


class Page(BaseModel, Generic[ItemT]):
    """One page of a list; ``next_cursor`` is null on the last."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    items: list[ItemT]
    next_cursor: str | None = None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """``TaskPage``, where OpenAPI would otherwise have ``Page_TaskView_``: pydantic's hook."""
        item = params[0]
        if isinstance(item, type) and issubclass(item, BaseModel):
            return f"{item.model_config.get('title') or item.__name__}Page"
        return super().model_parametrized_name(params)
