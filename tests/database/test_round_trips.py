"""How often a call waits for the database: counted by a relay between the services and it (P5 of the design)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from cathouse.database import DatabaseUrl
from installation_service.activity import uses
from installation_service.lifecycle.service import LifecycleService
from proxy_service import reports
from tests.factories.accounts import PASSWORD
from tests.fixtures.cat_calls import STORAGE, token
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.relay import Relay, relay_to
from tests.fixtures.server import server_url
from tests.proxy.cat_tokens import ask, signed
from tests.proxy.hosts import calling, secret

LIMITS = {
    "cat": 1,
    "search": 1,
    "search that finds nothing": 2,
    "users/me": 1,
    "storage get": 1,
    "storage put": 3,
    "interaction": 1,
    "external call": 1,
    "token for a cat": 1,
    "log-in": 4,
    "refresh": 4,
    "install": 5,
    "install under a key": 7,
}
"""On a direct connection, warm; through a transaction pooler at most twice that and two more."""

REPEATS = 4


@dataclass(frozen=True)
class Scene:
    """A house behind the relay, and those who call."""

    house: House
    relay: Relay
    person: Person
    cat: dict[str, Any]
    installed: dict[str, Any]

    async def least(self, service: str, call: Callable[[], Awaitable[object]]) -> int:
        """The round trips of one call of ``service``, when everything that can be prepared is.

        The fewest of some repeats: what else happens at the same time can only add.
        """
        user = f"cathouse_{service}_login"
        counts, logged = [], []
        for _ in range(REPEATS):
            before = self.relay.round_trips[user]
            with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
                await call()
            counts.append(self.relay.round_trips[user] - before)
            requests = [line for line in lines if line["event"] == "request" and line["service"] == service]
            logged.append(sum(line["round_trips"] for line in requests))
            assert all(0 < line["database_ms"] <= line["duration_ms"] for line in requests)
        assert min(logged) == min(counts), "the log's number is another one than the relay's"
        return min(counts)


@pytest.fixture
def nothing_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gathered and told later is done beside the calls that are counted, not by them."""
    monkeypatch.setattr(LifecycleService, "wake", lambda _self: None)
    monkeypatch.setattr(reports, "GATHER_S", 60)
    monkeypatch.setattr(uses, "GATHER_S", 60)


@pytest.fixture(params=["direct", "pgbouncer"])
async def scene(request: pytest.FixtureRequest, clean_db: DatabaseUrl, nothing_beside: None) -> AsyncIterator[Scene]:
    is_direct = request.param == "direct"
    target: DatabaseUrl = server_url() if is_direct else request.getfixturevalue("pooler")
    async with (
        relay_to(target) as relay,
        run_house(clean_db, through=relay.url, database_pooler="none" if is_direct else "transaction") as house,
    ):
        developer, person = await house.register("developer"), await house.register()
        cat = await house.publish(developer)
        yield Scene(house, relay, person, cat, await house.install(person, cat))


async def test_no_call_waits_for_the_database_more_often_than_it_may(
    scene: Scene, request: pytest.FixtureRequest
) -> None:
    house, person, calls = scene.house, scene.person, token(scene.installed)
    refresh_token = person.tokens["refresh_token"]
    number = 0

    async def refresh() -> None:
        nonlocal refresh_token
        answer = await house.call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": refresh_token})
        refresh_token = answer.json()["refresh_token"]

    async def install(**headers: str) -> None:
        nonlocal number
        number += 1
        body = {"cat_id": scene.cat["id"], "instance_name": f"Misty {number}", "grants": {"storage": True}}
        path = "/api/v1/installations"
        await house.call("installation", "POST", path, body, person=person, headers=headers, expect=201)

    async def install_under_a_key() -> None:
        await install(**{"Idempotency-Key": f"key-{number}"})

    async def ask_for_token() -> None:
        whsec = house.cat_secrets[scene.cat["slug"]]
        await ask(house, *signed(whsec, scene.installed["id"]), expect=200)

    async with calling(house, {"api_key": "quillfeather"}, secret("api_key", "X-Api-Key")) as caller:
        external = await scene.least("proxy", lambda: caller.call(secret="api_key"))

    credentials = {"email": person.email, "password": PASSWORD}
    path = f"{STORAGE}/key"
    found = {
        "cat": await scene.least("catalog", lambda: house.call("catalog", "GET", f"/api/v1/cats/{scene.cat['id']}")),
        "search": await scene.least(
            "catalog", lambda: house.call("catalog", "GET", f"/api/v1/cats?search={scene.cat['name']}")
        ),
        "search that finds nothing": await scene.least(
            "catalog", lambda: house.call("catalog", "GET", "/api/v1/cats?search=qwxyz")
        ),
        "users/me": await scene.least("auth", lambda: house.call("auth", "GET", "/api/v1/users/me", person=person)),
        "storage put": await scene.least(
            "installation", lambda: house.call("installation", "PUT", path, 1, headers=calls, expect=None)
        ),
        "storage get": await scene.least(
            "installation", lambda: house.call("installation", "GET", path, headers=calls)
        ),
        "interaction": await scene.least("proxy", lambda: house.interact(person, scene.installed, "hello")),
        "external call": external,
        "token for a cat": await scene.least("proxy", ask_for_token),
        "log-in": await scene.least("auth", lambda: house.call("auth", "POST", "/api/v1/auth/login", credentials)),
        "refresh": await scene.least("auth", refresh),
        "install": await scene.least("installation", install),
        "install under a key": await scene.least("installation", install_under_a_key),
    }
    print(request.node.callspec.id, found)  # noqa: T201 - the figures, with pytest -s
    pooled = "pgbouncer" in request.node.callspec.id
    limits = {call: 2 * limit + 2 if pooled else limit for call, limit in LIMITS.items()}
    too_many = {call: f"{count} of {limits[call]}" for call, count in found.items() if count > limits[call]}
    assert not too_many, "round trips to the database, more than LIMITS has for these calls"
    assert all(count > 0 for count in found.values())
