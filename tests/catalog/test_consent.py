"""Players are asked again exactly when a release asks for more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_service.releases.consent import Demands

SECRET = {"name": "api_key", "host": "api.example.com", "header": "X-Api-Key", "required": False}


def demands(**changes: Any) -> Demands:
    values: dict[str, Any] = {
        "endpoint_url": "https://cats.example.com/weather",
        "permissions": {"storage": True, "notification": False},
        "egress_hosts": frozenset({"api.example.com"}),
        "secrets": [SECRET],
        "config_schema": {"type": "object"},
    }
    return Demands(**{**values, **changes})


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        (True, {"permissions": {"storage": True, "notification": True}}),
        (True, {"permissions": {"storage": True, "tasks": True}}),
        (True, {"egress_hosts": frozenset({"api.example.com", "other.example.com"})}),
        (True, {"egress_hosts": frozenset({"other.example.com"})}),
        (True, {"secrets": [SECRET, {**SECRET, "name": "second"}]}),
        (True, {"secrets": [{**SECRET, "host": "other.example.com"}]}),
        (True, {"secrets": [{**SECRET, "header": "Authorization"}]}),
        (True, {"secrets": [{**SECRET, "required": True}]}),
        (True, {"endpoint_url": "https://elsewhere.example.com/weather"}),
        (True, {"config_schema": None}),
        (True, {"config_schema": {"type": "object", "required": ["city"]}}),
        (False, {}),
        (False, {"permissions": {"storage": True, "notification": False, "tasks": False}}),
        (False, {"permissions": {"storage": False}}),
        (False, {"permissions": {}}),
        (False, {"egress_hosts": frozenset()}),
        (False, {"secrets": []}),
        (False, {"secrets": [{**SECRET, "header": "x-api-key"}]}),
        (False, {"endpoint_url": "https://CATS.example.com/another/path?v=2"}),
    ],
)
def test_what_is_more_and_what_is_not(more: bool, changes: dict[str, Any]) -> None:  # noqa: FBT001 - the case's outcome
    assert demands(**changes).ask_for_more_than(demands()) is more


kinds = st.dictionaries(st.sampled_from(["storage", "notification", "external_api", "tasks"]), st.booleans())
hosts = st.frozensets(st.sampled_from(["a.example", "b.example", "c.example"]))


@given(kinds, hosts)
def test_nothing_asks_for_more_than_itself_and_everything_more_than_nothing(
    permissions: dict[str, bool], egress: frozenset[str]
) -> None:
    same = demands(permissions=permissions, egress_hosts=egress)
    assert not same.ask_for_more_than(same)
    nothing = demands(permissions={}, egress_hosts=frozenset())
    assert same.ask_for_more_than(nothing) == (any(permissions.values()) or bool(egress))
    assert not nothing.ask_for_more_than(same)
