"""What a player gives is held against what a release declares."""

from typing import Any

import pytest

from cathouse.schema import PermissionType
from installation_service.installations.declarations import check_grants, check_secrets, is_declared
from installation_service.installations.errors import (
    PermissionNotRequestedError,
    PermissionRequiredError,
    SecretNotDeclaredError,
    SecretRequiredError,
)

STORAGE, NOTIFICATION, TASKS = PermissionType.STORAGE, PermissionType.NOTIFICATION, PermissionType.TASKS
ASKED = [
    {"permission_type": STORAGE, "required": True},
    {"permission_type": NOTIFICATION, "required": False},
]
SECRET = {"name": "key", "host": "api.example.com", "header": "X-Api-Key", "required": True}
DECLARED = [SECRET, {**SECRET, "name": "other", "required": False}]


@pytest.mark.parametrize("grants", [{STORAGE: True}, {STORAGE: True, NOTIFICATION: False, TASKS: False}])
def test_what_is_required_is_enough_and_what_nobody_asked_for_may_be_denied(grants: dict[PermissionType, bool]) -> None:
    check_grants(grants, ASKED)


@pytest.mark.parametrize("grants", [{}, {STORAGE: False}, {NOTIFICATION: True}])
def test_what_is_required_must_be_granted(grants: dict[PermissionType, bool]) -> None:
    with pytest.raises(PermissionRequiredError) as refusal:
        check_grants(grants, ASKED)
    assert refusal.value.members == {"missing": ["storage"]}


def test_nothing_is_granted_that_was_not_asked_for() -> None:
    with pytest.raises(PermissionNotRequestedError) as refusal:
        check_grants({TASKS: True, STORAGE: True, NOTIFICATION: True, PermissionType.EXTERNAL_API: True}, ASKED)
    assert list(refusal.value.members.values()) == [["external_api", "tasks"]]


@pytest.mark.parametrize(("given", "kept"), [(["key"], []), ([], ["key"]), (["key", "other"], ["key"])])
def test_a_required_secret_is_given_now_or_was_kept(given: list[str], kept: list[str]) -> None:
    check_secrets(given, DECLARED, kept=kept)


def test_a_secret_is_neither_missing_nor_undeclared() -> None:
    with pytest.raises(SecretRequiredError) as missing:
        check_secrets(["other"], DECLARED)
    assert missing.value.members == {"missing": ["key"]}
    with pytest.raises(SecretNotDeclaredError) as undeclared:
        check_secrets(["z", "key", "a"], DECLARED)
    assert list(undeclared.value.members.values()) == [["a", "z"]]


@pytest.mark.parametrize(
    ("changes", "declared"),
    [
        ({}, True),
        ({"header": "x-api-KEY"}, True),
        ({"required": False, "description": "Another text."}, True),
        ({"name": "another"}, False),
        ({"host": "evil.example.com"}, False),
        ({"header": "X-Other-Key"}, False),
    ],
)
def test_a_secret_is_used_on_under_the_same_name_for_the_same_host_and_header(
    changes: dict[str, Any], *, declared: bool
) -> None:
    assert is_declared({**SECRET, **changes}, DECLARED) is declared
