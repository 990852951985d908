"""How a person wants to be treated."""

from typing import Any

import pytest

from tests.fixtures.house import House, directly

PREFERENCES = "/api/v1/users/me/preferences"
AT_FIRST = {
    "theme": "modern",
    "custom_hours": None,
    "communication_preferences": {"email": True, "sms": False, "in_app": True},
    "onboarding_completed": False,
    "nickname": None,
}


async def test_everybody_has_them_from_the_beginning(house: House) -> None:
    person = await house.register()
    assert (await house.call("auth", "GET", PREFERENCES, person=person)).json() == AT_FIRST
    await house.call("auth", "GET", PREFERENCES, expect=401)


async def test_what_is_sent_changes_and_the_rest_stays(house: House) -> None:
    person, other = await house.register(), await house.register()
    hours = {"start": "09:00", "end": "17:30", "timezone": "Europe/Berlin"}
    for change, expected in (
        ({"nickname": " Mia "}, {"nickname": "Mia"}),
        (
            {"communication_preferences": {"email": False}},
            {"communication_preferences": {"email": False, "sms": False, "in_app": True}},
        ),
        ({"custom_hours": hours}, {"custom_hours": hours}),
        ({"theme": "dark", "onboarding_completed": True}, {"theme": "dark", "onboarding_completed": True}),
        ({}, {}),
        ({"custom_hours": None, "nickname": None}, {"custom_hours": None, "nickname": None}),
    ):
        before = (await house.call("auth", "GET", PREFERENCES, person=person)).json()
        after = (await house.call("auth", "PATCH", PREFERENCES, change, person=person)).json()
        assert after == {**before, **expected}
        assert (await house.call("auth", "GET", PREFERENCES, person=person)).json() == after
    assert (await house.call("auth", "GET", PREFERENCES, person=other)).json() == AT_FIRST


@directly
@pytest.mark.parametrize(
    "change",
    [
        {"theme": None},
        {"theme": "Not a name"},
        {"nickname": ""},
        {"nickname": "x" * 81},
        {"nickname": "a\x00b"},
        {"custom_hours": {"start": "25:00", "end": "10:00", "timezone": "UTC"}},
        {"custom_hours": {"start": "09:00", "end": "10:00"}},
        {"custom_hours": {"start": "09:00", "end": "10:00", "timezone": "Mars/Olympus"}},
        {"communication_preferences": {"pigeon": True}},
        {"communication_preferences": None},
        {"communication_preferences": {"email": None}},
        {"user_id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b"},
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_changes(house: House, change: dict[str, Any]) -> None:
    person = await house.register()
    answer = await house.call("auth", "PATCH", PREFERENCES, change, person=person, expect=422)
    assert answer.json()["code"] == "validation_failed"
    assert (await house.call("auth", "GET", PREFERENCES, person=person)).json() == AT_FIRST
