"""What Postgres could not keep is refused at the door."""

import base64
import datetime as dt
import json
from typing import Any

import pytest
from pydantic import ValidationError

from cathouse.web import Flag, GivenMoment, Keyset, RequestModel, Whole, refuse_what_jsonb_refuses
from cathouse.web.contract.pagination import CursorMismatchError


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
        '{"name": "a", "extra": {"deep": ' + "[" * 70 + "]" * 70 + "}}",
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


@pytest.mark.parametrize(
    "position", ['"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"2026-01-01T00:00:00"', "1", "null"]
)
def test_a_moment_that_postgres_does_not_have_is_a_mismatch(position: str) -> None:
    fingerprint = Keyset.read(None, limit=1, filters={}, types=()).fingerprint
    cursor = base64.urlsafe_b64encode(f'["{fingerprint}", {position}]'.encode()).decode()
    with pytest.raises(CursorMismatchError):
        Keyset.read(cursor, limit=2, filters={}, types=(dt.datetime,))


@pytest.mark.parametrize("cursor", ["x", "", "bm8=", "W10=", "ü", "WzEsMl0=", "e30="])
def test_a_made_up_cursor_is_a_mismatch(cursor: str) -> None:
    with pytest.raises(CursorMismatchError):
        Keyset.read(cursor, limit=2, filters={}, types=(str,))


class Answers(RequestModel):
    granted: Flag = True
    amount: Whole = 1
    at: GivenMoment = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.mark.parametrize("value", [0, 1, "true", "yes", 1.0])
def test_nothing_but_true_and_false_answers_a_question(value: Any) -> None:
    assert Answers.model_validate({"granted": False}).granted is False
    with pytest.raises(ValidationError):
        Answers.model_validate({"granted": value})


@pytest.mark.parametrize("value", [True, False, "1", 1.5])
def test_neither_text_nor_a_boolean_is_a_number(value: Any) -> None:
    assert Answers.model_validate({"amount": 7.0}).amount == 7
    with pytest.raises(ValidationError):
        Answers.model_validate({"amount": value})


@pytest.mark.parametrize(
    "value", [0, 1_800_000_000, "2026-11-21T12:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_a_time_is_text_with_an_offset_that_utc_can_say(value: Any) -> None:
    given = Answers.model_validate({"at": "2026-11-21T12:00:00+01:00"}).at
    assert given.isoformat() == "2026-11-21T11:00:00+00:00"
    with pytest.raises(ValidationError):
        Answers.model_validate({"at": value})
