"""Players' secrets: they go in, wrapped, and only proxy-service can open them."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from cathouse.database import AnyRow
from cathouse.identity import KeyUse, SecretUnreadableError, derive, parse_roots, unwrap_secret
from cathouse.schema import PlayerSecret
from tests.factories.cats import EXTERNAL, NOTIFICATION, SECRET, STORAGE
from tests.fixtures.erasures import everything
from tests.fixtures.house import PLATFORM_SECRET, Body, House, Person, directly
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.releases import offer

REQUIRED = "api_key"
OPTIONAL = {**SECRET, "name": "second_key", "description": "Another one.", "required": False}
CANARY = "canary-quillfeather"

Home = tuple[Person, dict[str, Any]]


@pytest.fixture
async def home(house: House) -> Home:
    """A player, and a cat that asks for two secrets and was given the one that it requires."""
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(
        developer,
        permissions=[STORAGE, NOTIFICATION, EXTERNAL],
        egress_hosts=[SECRET["host"]],
        secrets=[SECRET, OPTIONAL],
    )
    return player, await house.install(player, cat, secrets={REQUIRED: CANARY})


async def call(
    house: House,
    method: str,
    player: Person | None,
    installed: dict[str, Any],
    name: str,
    body: Body = None,
    *,
    expect: int | None = 200,
) -> httpx.Response:
    path = f"{INSTALLATIONS}/{installed['id']}/secrets/{name}"
    return await house.call("installation", method, path, body, person=player, expect=expect)


async def move(
    house: House, player: Person, installed: dict[str, Any], action: str, *, expect: int = 200
) -> dict[str, Any]:
    path = f"{INSTALLATIONS}/{installed['id']}/{action}"
    answer: dict[str, Any] = (await house.call("installation", "POST", path, person=player, expect=expect)).json()
    return answer


async def states(house: House, player: Person, installed: dict[str, Any]) -> dict[str, bool]:
    path = f"{INSTALLATIONS}/{installed['id']}/secrets"
    listed = (await house.call("installation", "GET", path, person=player)).json()["items"]
    return {each["name"]: each["set"] for each in listed}


def kept(house: House, name: str) -> AnyRow | None:
    with house.engine.connect() as connection:
        query = select(PlayerSecret.wrapped_value, PlayerSecret.key_id).where(PlayerSecret.name == name)
        return connection.execute(query).one_or_none()


def opened(row: AnyRow | None, installed: dict[str, Any], name: str) -> str:
    """What proxy-service reads, with the key that it has."""
    assert row is not None
    keys = derive(parse_roots(PLATFORM_SECRET), KeyUse.PLAYER_SECRETS)
    installation_id = uuid.UUID(installed["id"])
    return unwrap_secret(keys, row.wrapped_value, key_id=row.key_id, installation_id=installation_id, name=name)


async def test_the_list_says_what_is_asked_for_and_what_is_set_and_never_a_value(house: House, home: Home) -> None:
    player, installed = home
    path = f"{INSTALLATIONS}/{installed['id']}/secrets"
    answer = await house.call("installation", "GET", path, person=player)
    assert answer.json()["items"] == [
        {"name": REQUIRED, "description": "Your key.", "required": True, "set": True},
        {"name": "second_key", "description": "Another one.", "required": False, "set": False},
    ]
    assert answer.json()["items"] == installed["secrets"]
    assert answer.headers["cache-control"] == "no-store"
    assert CANARY not in answer.text


async def test_a_secret_is_kept_so_that_only_proxy_service_can_open_it(house: House, home: Home) -> None:
    player, installed = home
    second = f"Bearer {CANARY}-2"
    answer = await call(house, "PUT", player, installed, "second_key", {"value": second})
    assert answer.json() == {"name": "second_key", "description": "Another one.", "required": False, "set": True}
    assert await states(house, player, installed) == {REQUIRED: True, "second_key": True}
    assert opened(kept(house, REQUIRED), installed, REQUIRED) == CANARY
    assert opened(kept(house, "second_key"), installed, "second_key") == second
    bytes_of_it = CANARY.encode().hex()
    assert not [row for row in everything(house.engine) if CANARY in row or bytes_of_it in row]


async def test_a_secret_is_replaced_and_the_same_one_never_looks_the_same(house: House, home: Home) -> None:
    player, installed = home
    first = kept(house, REQUIRED)
    await call(house, "PUT", player, installed, REQUIRED, {"value": CANARY})
    second = kept(house, REQUIRED)
    assert first is not None
    assert second is not None
    assert first.wrapped_value != second.wrapped_value
    await call(house, "PUT", player, installed, REQUIRED, {"value": "another"})
    assert opened(kept(house, REQUIRED), installed, REQUIRED) == "another"


async def test_a_secret_that_is_moved_to_another_row_does_not_open(house: House, home: Home) -> None:
    player, installed = home
    other = await house.install(
        player, installed["cat"], instance_name="Smoky", secrets={REQUIRED: "theirs", "second_key": "theirs too"}
    )
    with house.engine.connect() as connection:
        query = select(PlayerSecret.wrapped_value, PlayerSecret.key_id)
        own = connection.execute(query.where(PlayerSecret.installation_id == uuid.UUID(installed["id"]))).one()
    assert opened(own, installed, REQUIRED) == CANARY
    for row_of, name in ((other, REQUIRED), (installed, "second_key")):
        with pytest.raises(SecretUnreadableError):
            opened(own, row_of, name)


async def test_what_the_release_does_not_declare_is_not_kept(house: House, home: Home) -> None:
    player, installed = home
    for name in ("made_up", "API_KEY", "x" * 64):
        missing = await call(house, "PUT", player, installed, name, {"value": "x"}, expect=404)
        assert missing.json()["code"] == "not_found"
        await call(house, "DELETE", player, installed, name, expect=404)
    assert kept(house, "made_up") is None


async def test_what_a_release_that_waits_declares_is_given_with_the_upgrade_only(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, EXTERNAL], egress_hosts=[SECRET["host"]], secrets=[SECRET])
    await call(house, "PUT", player, installed, REQUIRED, {"value": "x"}, expect=404)
    assert await states(house, player, installed) == {}


async def test_a_required_secret_is_taken_from_a_paused_cat_only(house: House, home: Home) -> None:
    player, installed = home
    refused = await call(house, "DELETE", player, installed, REQUIRED, expect=409)
    assert refused.json()["code"] == "secret_required"
    assert opened(kept(house, REQUIRED), installed, REQUIRED) == CANARY
    await call(house, "PUT", player, installed, "second_key", {"value": "x"})
    for _ in range(2):
        await call(house, "DELETE", player, installed, "second_key", expect=204)
    await move(house, player, installed, "pause")
    for _ in range(2):
        await call(house, "DELETE", player, installed, REQUIRED, expect=204)
    assert await states(house, player, installed) == {REQUIRED: False, "second_key": False}
    assert kept(house, REQUIRED) is None


async def test_a_cat_goes_on_with_what_it_requires_only(house: House, home: Home) -> None:
    player, installed = home
    await move(house, player, installed, "pause")
    await call(house, "DELETE", player, installed, REQUIRED, expect=204)
    refused = await move(house, player, installed, "resume", expect=422)
    assert (refused["code"], refused["missing"]) == ("secret_required", [REQUIRED])
    assert (await seen(house, player, installed))["status"] == "paused"
    await call(house, "PUT", player, installed, REQUIRED, {"value": "anew"})
    assert (await move(house, player, installed, "resume"))["status"] == "active"


async def test_no_cat_is_active_without_a_required_secret_whatever_comes_at_once(house: House, home: Home) -> None:
    player, installed = home
    for _ in range(4):
        await move(house, player, installed, "pause")
        await call(house, "PUT", player, installed, REQUIRED, {"value": "anew"})
        removed, resumed = await asyncio.gather(
            call(house, "DELETE", player, installed, REQUIRED, expect=None),
            house.call("installation", "POST", f"{INSTALLATIONS}/{installed['id']}/resume", person=player, expect=None),
        )
        assert (removed.status_code, resumed.status_code) in ((204, 422), (409, 200))
        found = await seen(house, player, installed)
        assert found["status"] == "paused" or found["secrets"][0]["set"]


async def test_an_uninstalled_cat_has_no_secrets_to_change(house: House, home: Home) -> None:
    player, installed = home
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{installed['id']}", person=player, expect=204)
    for method, body in (("PUT", {"value": "x"}), ("DELETE", None)):
        refused = await call(house, method, player, installed, REQUIRED, body, expect=409)
        assert refused.json()["code"] == "transition_not_allowed"


async def test_nobody_else_sees_or_changes_secrets(house: House, home: Home) -> None:
    player, installed = home
    path = f"{INSTALLATIONS}/{installed['id']}/secrets"
    for person in (await house.register("developer"), await house.register(), await house.admin()):
        await house.call("installation", "GET", path, person=person, expect=404)
        await call(house, "PUT", person, installed, REQUIRED, {"value": "mine"}, expect=404)
        await call(house, "DELETE", person, installed, "second_key", expect=404)
    await call(house, "PUT", None, installed, REQUIRED, {"value": "mine"}, expect=401)
    assert opened(kept(house, REQUIRED), installed, REQUIRED) == CANARY
    assert await states(house, player, installed) == {REQUIRED: True, "second_key": False}


async def test_a_secret_changes_nothing_else(house: House, home: Home) -> None:
    player, installed = home
    await call(house, "PUT", player, installed, "second_key", {"value": "x"})
    await call(house, "DELETE", player, installed, "second_key", expect=204)
    assert await seen(house, player, installed) == installed
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cathouse.lifecycle_events")) == 1


@directly
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": None},
        {"value": ""},
        {"value": 1},
        {"value": "x" * 4097},
        {"value": "a\x00b"},
        {"value": "a\r\nX-Other: b"},
        {"value": "a\n"},
        {"value": " a"},
        {"value": "ü"},
        {"value": "x", "name": "other"},
        [],
        None,
    ],
)
async def test_what_is_no_secret_is_refused_and_not_repeated(house: House, home: Home, body: Any) -> None:
    player, installed = home
    refused = await call(house, "PUT", player, installed, "second_key", body, expect=422)
    assert "X-Other" not in refused.text
    assert kept(house, "second_key") is None


@directly
async def test_a_name_that_no_release_can_declare_is_refused(house: House, home: Home) -> None:
    player, installed = home
    for name in ("x" * 65, "a%00b"):
        await call(house, "PUT", player, installed, name, {"value": "x"}, expect=422)
