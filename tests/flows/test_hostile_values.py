"""Values where a schema says nothing against them: no answer is a 5xx, and every error is a problem document."""

import asyncio
import base64
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cathouse.database import DatabaseUrl
from cathouse.identity import KeyUse
from cathouse.schema import PermissionType
from tests.factories.accounts import registration
from tests.factories.cats import EXTERNAL, NOTIFICATION, STORAGE, TASKS, cat_creation
from tests.fixtures.cat_calls import token as cat_headers
from tests.fixtures.erasures import service_headers
from tests.fixtures.house import House, directly, run_house

EXAMPLES = 2
"""Generated values beside the known evil ones: derandomised, so always the same."""

MOMENTS = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z",
    "+10000-01-01T00:00:00Z",
)
TEXTS = ("", " ", "\x00", "\ud800", "🐈" * 3000, "a" * 100_000, "%\\'", "İ\uffff")
NUMBERS = (-1, 2**31, 2**63, 10**400, -(2**63) - 1, 1e308, -0.0)
DEEP: Any = 0
for _ in range(60):
    DEEP = [DEEP]

EVIL: tuple[Any, ...] = (*MOMENTS, *TEXTS, *NUMBERS, None, True, [], {}, DEEP, [[]] * 5000, {"": {"": None}})

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Call:
    """One call with a good body or query, in which one member at a time is replaced."""

    url: str
    method: str
    headers: Mapping[str, str]
    good: Mapping[str, Any]


def hold(answer: httpx.Response) -> None:
    where = f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}: {answer.text[:300]}"
    assert answer.status_code < 500, where
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", where
        assert answer.json()["request_id"] == answer.headers["x-request-id"], where


def hunted(check: Callable[[Call, str, Any], None], calls: list[Call]) -> None:
    """Give ``check`` every member of every call with generated values; blocks, so it runs in a thread."""

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(value=VALUES)
    def hunt(value: Any) -> None:
        everywhere(value)

    def everywhere(value: Any) -> None:
        for call in calls:
            for name in call.good:
                check(call, name, value)

    for value in EVIL:
        everywhere(value)
    hunt()


async def bodies(house: House) -> list[Call]:
    admin, developer, player = await house.admin(), await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[STORAGE, NOTIFICATION, TASKS, EXTERNAL])
    grants = {"storage": True, "notification": True, "tasks": True, "external_api": True}
    installed = await house.install(player, cat, grants=grants)
    reporting = service_headers(KeyUse.PROXY_TO_INSTALLATION, caller="proxy", callee="installation")
    report = {
        "id": str(uuid.uuid4()),
        "installation_id": installed["id"],
        "cat_id": cat["id"],
        "kind": "interaction",
        "status_code": 200,
        "proxy_error": None,
        "duration_ms": 1,
        "bytes_in": 1,
        "bytes_out": 1,
        "at": "2026-11-21T12:00:00Z",
        "action": "GET api.example.com",
    }
    hours = {"start": "09:00", "end": "17:00", "timezone": "UTC"}
    calling = cat_headers(installed, frozenset(PermissionType))
    task = {
        "title": "x",
        "description": "x",
        "status": "pending",
        "priority": "low",
        "due_date": "2099-12-24T18:00:00Z",
        "tags": ["x"],
    }
    made = await house.call("installation", "POST", "/api/v1/cat/tasks", task, headers=calling, expect=201)
    external = {  # to a host that the release does not declare
        "method": "GET",
        "url": "https://api.example.com/",
        "headers": {},
        "body": "x",
        "body_encoding": "utf-8",
        "secret": "api_key",
    }
    rows = [
        ("auth", "POST", "/api/v1/auth/register", {}, registration(role="player")),
        ("auth", "PATCH", "/api/v1/users/me", player.headers, {"display_name": "Mia", "timezone": "UTC"}),
        ("auth", "PATCH", "/api/v1/users/me/preferences", player.headers, {"theme": "dark", "custom_hours": hours}),
        ("auth", "POST", "/api/v1/auth/refresh", {}, {"refresh_token": "chr_x"}),
        (
            "auth",
            "POST",
            "/api/v1/api-keys",
            developer.headers,
            {"name": "x", "scopes": ["catalog:read"], "expires_at": "2030-01-01T00:00:00Z"},
        ),
        ("auth", "PATCH", f"/api/v1/users/{player.id}", admin.headers, {"role": "player", "is_active": True}),
        (
            "catalog",
            "POST",
            "/api/v1/cats",
            developer.headers,
            cat_creation(config_schema={"type": "object"}, timeout_s=5, changelog="", egress_hosts=[], secrets=[]),
        ),
        (
            "installation",
            "POST",
            "/api/v1/installations",
            player.headers,
            {"cat_id": cat["id"], "instance_name": "x", "config": {}, "grants": {"storage": True}, "secrets": {}},
        ),
        ("installation", "POST", "/internal/v1/interactions", reporting, report),
        ("installation", "PUT", "/api/v1/cat/storage/key", calling, {"value": 1}),
        ("installation", "POST", "/api/v1/tasks", player.headers, task),
        ("installation", "PATCH", f"/api/v1/tasks/{made.json()['id']}", player.headers, task),
        ("installation", "POST", "/api/v1/cat/tasks", calling, task),
        ("installation", "PATCH", f"/api/v1/cat/tasks/{made.json()['id']}", calling, task),
        ("proxy", "POST", f"/api/v1/installations/{installed['id']}/interactions", player.headers, {"input": 1}),
        ("proxy", "POST", "/api/v1/cat/external", calling, external),
        ("proxy", "POST", "/api/v1/cat/token", {}, {"installation_id": installed["id"]}),
    ]
    return [Call(house.urls[service] + path, method, headers, good) for service, method, path, headers, good in rows]


@pytest.fixture
async def house(clean_db: DatabaseUrl) -> Any:
    async with run_house(clean_db, limit_external_calls="off") as running:
        yield running


@directly
@pytest.mark.timeout(400)
async def test_no_value_in_any_place_of_a_body_breaks_a_service(house: House) -> None:
    calls = await bodies(house)
    with httpx.Client(trust_env=False, timeout=60) as http:

        def check(call: Call, name: str, value: Any) -> None:
            body: Any = {**call.good, name: value}
            if call.url.endswith("/internal/v1/interactions"):
                body = {"interactions": [{**body, "id": body["id"] if name == "id" else str(uuid.uuid4())}]}
            headers = {**call.headers, "Content-Type": "application/json"}
            hold(http.request(call.method, call.url, content=json.dumps(body).encode(), headers=headers))

        await asyncio.to_thread(hunted, check, calls)


async def lists(house: House) -> list[Call]:
    admin, developer, player = await house.admin(), await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[STORAGE, NOTIFICATION, TASKS])
    installed = await house.install(player, cat, grants={"storage": True, "notification": True, "tasks": True})
    calling = cat_headers(installed, frozenset(PermissionType))
    filters = ("status", "priority", "tag", "due_before", "overdue", "limit", "cursor")
    rows = [
        ("auth", "/api/v1/users", admin.headers, ("search", "role", "is_active", "limit", "cursor")),
        ("auth", "/api/v1/audit-events", admin.headers, ("actor_id", "action", "limit", "cursor")),
        ("auth", "/api/v1/sessions", player.headers, ("limit", "cursor")),
        ("auth", "/api/v1/api-keys", developer.headers, ("limit", "cursor")),
        (
            "catalog",
            "/api/v1/cats",
            developer.headers,
            ("search", "tag", "permission_type", "developer_id", "sort", "mine", "limit", "cursor"),
        ),
        ("installation", "/api/v1/installations", player.headers, ("status", "cat_id", "limit", "cursor")),
        ("installation", "/api/v1/notifications", player.headers, ("unread", "limit", "cursor")),
        ("installation", "/api/v1/tasks", player.headers, (*filters, "installation_id")),
        ("installation", "/api/v1/cat/storage", calling, ("prefix", "limit", "cursor")),
        ("installation", "/api/v1/cat/tasks", calling, filters),
    ]
    return [
        Call(house.urls[service] + path, "GET", headers, dict.fromkeys(names)) for service, path, headers, names in rows
    ]


@directly
@pytest.mark.timeout(400)
async def test_no_parameter_of_a_list_breaks_a_service_however_often_it_comes(house: House) -> None:
    calls = await lists(house)
    with httpx.Client(trust_env=False, timeout=60) as http:

        def check(call: Call, name: str, value: Any) -> None:
            text = value if isinstance(value, str) else json.dumps(value)
            sent = text.encode("utf-8", "surrogatepass")[:2000]
            query = [(name, b"x"), (name, sent)] if len(sent) % 2 else [(name, sent)]
            parameters = httpx.QueryParams([(key, each.decode("latin-1")) for key, each in query])
            hold(http.get(call.url, params=parameters, headers=call.headers))

        await asyncio.to_thread(hunted, check, calls)


@directly
@pytest.mark.timeout(400)
async def test_no_tampered_cursor_breaks_a_list(house: House) -> None:
    calls = await lists(house)
    developer = await house.register("developer")
    for _ in range(2):
        await house.publish(developer)
    orders = ("newest", "name", None)
    with httpx.Client(trust_env=False, timeout=60) as http:

        def fingerprints(call: Call) -> list[tuple[dict[str, str], list[Any]]]:
            """A cursor of the list's own, opened, for each of its orders; where the list is too short there is none."""
            found = []
            for order in orders if "sort" in call.good else (None,):
                query = {"limit": "1", **({"sort": order} if order else {})}
                cursor = http.get(call.url, params=query, headers=call.headers).json()["next_cursor"]
                if cursor is not None:
                    found.append((query, json.loads(base64.urlsafe_b64decode(cursor))))
            return found

        opened = await asyncio.to_thread(lambda: {call.url: fingerprints(call) for call in calls})
        assert sum(map(len, opened.values())) >= 4

        def check(call: Call, name: str, value: Any) -> None:
            if name != "cursor":
                return
            for query, parts in opened[call.url]:
                for place in range(1, len(parts)):
                    forged = json.dumps([*parts[:place], value, *parts[place + 1 :]])[:600].encode()
                    cursor = base64.urlsafe_b64encode(forged).decode()
                    hold(http.get(call.url, params={**query, "cursor": cursor}, headers=call.headers))

        await asyncio.to_thread(hunted, check, calls)
