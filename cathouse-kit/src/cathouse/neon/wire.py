"""Between Python and what goes over the wire: paths, bodies, pages, answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from cathouse.neon.errors import NeonError
from cathouse.neon.models import Answer

AnswerT = TypeVar("AnswerT", bound=Answer)


def path(*segments: str) -> str:
    """The path with these segments, whatever characters are in them."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def given(**members: str | int | None) -> dict[str, str | int]:
    """The members that are not None: what is left out is Neon's to choose."""
    return {name: value for name, value in members.items() if value is not None}


def moment(value: datetime | None) -> str | None:
    """RFC 3339 in whole seconds, as Neon wants it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def read(kind: type[AnswerT], answer: dict[str, Any]) -> AnswerT:
    """``answer`` as ``kind``.

    Raises:
        NeonError: naming the member that is missing or wrong, never its value: it may be a connection string.
    """
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise NeonError(
            f"Neon's answer lacks {place}, or has it otherwise than Neon's API document says; is NEON_API_URL right?"
        ) from None


def pages(fetch: Callable[[str | None], dict[str, Any]], *, items: str, cursor: str) -> Iterator[dict[str, Any]]:
    """Every page of a list; ``fetch`` gets one, ``items`` and ``cursor`` are the names of Neon's members.

    A cursor also comes with the last page of some lists, and a page may be short in between, so an empty page is the
    end, as is a cursor that comes again.
    """
    position: str | None = None
    while True:
        page = fetch(position)
        if not page.get(items) and position is not None:
            return
        yield page
        following = (page.get("pagination") or {}).get(cursor)
        if not following or following == position or not page.get(items):
            return
        position = following
