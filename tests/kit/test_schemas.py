"""What Postgres could not keep is refused at the door."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from cathouse.web import Keyset, RequestModel, refuse_what_jsonb_refuses
from cathouse.web.pagination import CursorMismatchError


class Body(RequestModel):
    name: str
    extra: dict[str, Any] | None = None


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "a\\u0000b"}',
        '{"name": "\\ud800"}',
        '{"name": "a", "extra": {"deep": [{"\\u0000": 1}]}}',
        '{"name": "a", "extra": {"n": NaN}}',
        '{"name": "a", "extra": {"n": [Infinity]}}',
        '{"name": "a", "unknown": 1}',
    ],
)
def test_nul_surrogates_nan_and_unknown_members_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate(json.loads(text))


def test_everything_that_json_can_say_is_kept() -> None:
    value: Any = {"a": [1, 2.5, None, True, "ü🐈", {"": []}]}
    assert refuse_what_jsonb_refuses(value) is value


def test_a_cursor_is_bound_to_its_filters() -> None:
    first = Keyset.read(None, limit=2, filters={"tag": "a"}, types=(str,))
    page, cursor = first.page(["x", "y", "z"], lambda row: (row,))
    assert list(page) == ["x", "y"]
    assert Keyset.read(cursor, limit=2, filters={"tag": "a"}, types=(str,)).after == ("y",)
    with pytest.raises(CursorMismatchError):
        Keyset.read(cursor, limit=2, filters={"tag": "b"}, types=(str,))


@pytest.mark.parametrize("cursor", ["x", "", "bm8=", "W10=", "ü", "WzEsMl0=", "e30="])
def test_a_made_up_cursor_is_a_mismatch(cursor: str) -> None:
    with pytest.raises(CursorMismatchError):
        Keyset.read(cursor, limit=2, filters={}, types=(str,))
