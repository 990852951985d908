"""What a cat may do with its callback token: storage and notifications, as far as it is granted right now."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, insert, text, update

from cathouse.schema import Notification, PermissionType
from installation_service.storage.service import MOST_KEYS
from tests.fixtures.cat_calls import STORAGE, token
from tests.fixtures.house import House, Person, directly


@pytest.fixture
async def home(house: House) -> tuple[Person, dict[str, Any], dict[str, str]]:
    """A player, an installation with everything granted, and its cat's headers."""
    developer, player = await house.register("developer"), await house.register()
    grants = {"storage": True, "notification": True}
    installed = await house.install(player, await house.publish(developer), grants=grants)
    return player, installed, token(installed)


Home = tuple[Person, dict[str, Any], dict[str, str]]


async def test_a_value_is_kept_read_replaced_and_removed(house: House, home: Home) -> None:
    _, _, cat = home
    path = f"{STORAGE}/deep/key-1.json"
    first = await house.call("installation", "PUT", path, {"a": [1, None]}, headers=cat, expect=201)
    assert (first.json(), first.headers["etag"]) == ({"key": "deep/key-1.json", "revision": 1}, '"1"')
    read = await house.call("installation", "GET", path, headers=cat)
    assert (read.json()["value"], read.headers["etag"]) == ({"a": [1, None]}, '"1"')
    second = await house.call("installation", "PUT", path, "text", headers=cat)
    assert second.json()["revision"] == 2
    await house.call("installation", "DELETE", path, headers=cat, expect=204)
    await house.call("installation", "GET", path, headers=cat, expect=404)
    await house.call("installation", "DELETE", path, headers=cat, expect=404)


@directly
@pytest.mark.parametrize("value", [0, "", [], {}, False, 1.5, "ü🐈"])
async def test_every_json_value_comes_back_as_it_was(house: House, home: Home, value: Any) -> None:
    _, _, cat = home
    await house.call("installation", "PUT", f"{STORAGE}/v", value, headers=cat, expect=201)
    assert (await house.call("installation", "GET", f"{STORAGE}/v", headers=cat)).json()["value"] == value


async def test_null_is_a_value(house: House, home: Home) -> None:
    _, _, cat = home
    url = f"{house.urls['installation']}{STORAGE}/v"
    kept = await house.http.put(url, content=b"null", headers={**cat, "Content-Type": "application/json"})
    assert kept.status_code == 201
    assert (await house.call("installation", "GET", f"{STORAGE}/v", headers=cat)).json()["value"] is None


@directly
@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b"{", "application/json", 422),
        (b"", "application/json", 422),
        (b"NaN", "application/json", 422),
        (b'"\\u0000"', "application/json", 422),
        (b'"\\ud800"', "application/json", 422),
        (b"[" * 30_000, "application/json", 422),
        (b"[" * 70 + b"]" * 70, "application/json", 422),
        (b'"' + b"x" * 65_536 + b'"', "application/json", 413),
        (b'"' + b"x" * 1_100_000 + b'"', "application/json", 413),
    ],
)
async def test_what_is_no_value_is_refused(
    house: House, home: Home, content: bytes, kind: str | None, status: int
) -> None:
    _, _, cat = home
    headers = {**cat, **({"Content-Type": kind} if kind else {})}
    answer = await house.http.put(f"{house.urls['installation']}{STORAGE}/v", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_writer_that_is_late_is_told(house: House, home: Home) -> None:
    _, _, cat = home
    path = f"{STORAGE}/v"
    none_yet = {**cat, "If-Match": '"1"'}
    await house.call("installation", "PUT", path, 1, headers=none_yet, expect=412)
    await house.call("installation", "PUT", path, 1, headers=cat, expect=201)
    await house.call("installation", "PUT", path, 2, headers={**cat, "If-Match": '"1"'})
    late = await house.call("installation", "PUT", path, 3, headers={**cat, "If-Match": '"1"'}, expect=412)
    assert late.json()["code"] == "revision_mismatch"
    for nothing in ("W/x", "9" * 5000, '"', ""):
        await house.call("installation", "DELETE", path, headers={**cat, "If-Match": nothing}, expect=412)
    anything = {**cat, "If-Match": "*"}
    await house.call("installation", "PUT", f"{STORAGE}/none", 1, headers=anything, expect=412)
    await house.call("installation", "PUT", path, 2, headers=anything)
    assert (await house.call("installation", "GET", path, headers=cat)).json()["value"] == 2


async def test_keys_are_listed_by_prefix_in_pages(house: House, home: Home) -> None:
    _, _, cat = home
    for key in ("a/1", "a/2", "a/3", "a_4", "b"):
        await house.call("installation", "PUT", f"{STORAGE}/{key}", 1, headers=cat, expect=201)
    first = (await house.call("installation", "GET", f"{STORAGE}?prefix=a/&limit=2", headers=cat)).json()
    assert [item["key"] for item in first["items"]] == ["a/1", "a/2"]
    path = f"{STORAGE}?prefix=a/&limit=2&cursor={first['next_cursor']}"
    second = (await house.call("installation", "GET", path, headers=cat)).json()
    assert [item["key"] for item in second["items"]] == ["a/3"]
    assert second["next_cursor"] is None
    underscore = (await house.call("installation", "GET", f"{STORAGE}?prefix=a_", headers=cat)).json()
    assert [item["key"] for item in underscore["items"]] == ["a_4"]
    for key in ("k%20y", "k%C3%BC", "x" * 129):
        await house.call("installation", "PUT", f"{STORAGE}/{key}", 1, headers=cat, expect=422)


async def test_installations_do_not_see_one_another(house: House, home: Home) -> None:
    player, installed, cat = home
    await house.call("installation", "PUT", f"{STORAGE}/v", 1, headers=cat, expect=201)
    grants = {"storage": True}
    other = await house.install(player, {"id": installed["cat"]["id"]}, instance_name="Smoky", grants=grants)
    await house.call("installation", "GET", f"{STORAGE}/v", headers=token(other), expect=404)


async def test_a_revocation_holds_for_tokens_that_are_out(house: House, home: Home) -> None:
    player, installed, cat = home
    message = {"title": "Hello", "body": "You."}
    await house.call("installation", "POST", "/api/v1/cat/notifications", message, headers=cat, expect=201)
    path = f"/api/v1/installations/{installed['id']}"
    await house.call("installation", "PUT", f"{path}/permissions/notification", {"granted": False}, person=player)
    refused = await house.call("installation", "POST", "/api/v1/cat/notifications", message, headers=cat, expect=403)
    assert (refused.json()["code"], refused.json()["permission_type"]) == ("permission_not_granted", "notification")
    await house.call("installation", "PUT", f"{STORAGE}/v", 1, headers=cat, expect=201)


async def test_a_token_gains_nothing_by_a_later_grant(house: House, home: Home) -> None:
    _, installed, _ = home
    narrow = token(installed, frozenset({PermissionType.STORAGE}))
    message = {"title": "Hello", "body": "You."}
    await house.call("installation", "POST", "/api/v1/cat/notifications", message, headers=narrow, expect=403)


@pytest.mark.parametrize("move", ["pause", "uninstall", "suspend"])
async def test_a_cat_is_nobody_at_once_when_its_installation_is_not_active(house: House, home: Home, move: str) -> None:
    player, installed, cat = home
    path = f"/api/v1/installations/{installed['id']}"
    if move == "pause":
        await house.call("installation", "POST", f"{path}/pause", person=player)
    elif move == "uninstall":
        await house.call("installation", "DELETE", path, person=player, expect=204)
    else:
        admin = await house.admin()
        suspend = f"/api/v1/cats/{installed['cat']['id']}/suspend"
        await house.call("catalog", "POST", suspend, {"reason": "x"}, person=admin)
    for method, call, body in (
        ("GET", f"{STORAGE}/v", None),
        ("PUT", f"{STORAGE}/v", 1),
        ("POST", "/api/v1/cat/notifications", {"title": "a", "body": "b"}),
    ):
        answer = await house.call("installation", method, call, body, headers=cat, expect=401)
        assert answer.json()["code"] == "installation_not_active"


async def test_a_cat_of_an_installation_that_is_not_there_is_nobody(house: House, home: Home) -> None:
    _, installed, _ = home
    cat = token({**installed, "id": str(uuid.uuid4())})
    note = {"title": "Hello", "body": "Come home."}
    for method, path, body in (
        ("GET", f"{STORAGE}/v", None),
        ("PUT", f"{STORAGE}/v", 1),
        ("POST", "/api/v1/cat/notifications", note),
        ("GET", "/api/v1/cat/installation", None),
    ):
        refused = await house.call("installation", method, path, body, headers=cat, expect=401)
        assert refused.json()["code"] == "installation_not_active"


async def test_a_person_is_no_cat(house: House, home: Home) -> None:
    player, _, cat = home
    await house.call("installation", "GET", f"{STORAGE}/v", person=player, expect=401)
    await house.call("installation", "GET", f"{STORAGE}/v", expect=401)
    await house.call("installation", "GET", "/api/v1/notifications", headers=cat, expect=401)


async def test_a_cat_speaks_once_a_second_and_the_inbox_counts(house: House, home: Home) -> None:
    player, installed, cat = home
    message = {"title": "Dinner", "body": "It is time.", "data": {"bowl": 2}}
    sent = await house.call("installation", "POST", "/api/v1/cat/notifications", message, headers=cat, expect=201)
    assert sent.json()["installation"] == {"id": installed["id"], "instance_name": "Misty"}
    quick = await house.call("installation", "POST", "/api/v1/cat/notifications", message, headers=cat, expect=429)
    assert (quick.json()["code"], quick.headers["retry-after"]) == ("rate_limited", "1")
    named = {name: quick.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")}
    assert named == {"limit": "1", "remaining": "0", "reset": "1"}
    inbox = (await house.call("installation", "GET", "/api/v1/notifications", person=player)).json()
    assert (inbox["unread_count"], inbox["items"][0]["data"]) == (1, {"bowl": 2})
    path = f"/api/v1/notifications/{sent.json()['id']}/read"
    read = await house.call("installation", "POST", path, person=player)
    again = await house.call("installation", "POST", path, person=player)
    assert read.json()["read_at"] == again.json()["read_at"] is not None
    unread = (await house.call("installation", "GET", "/api/v1/notifications?unread=true", person=player)).json()
    assert unread == {"items": [], "next_cursor": None, "unread_count": 0}
    other = await house.register()
    await house.call("installation", "POST", path, person=other, expect=404)
    await house.call("installation", "POST", "/api/v1/notifications/read-all", person=player, expect=204)


async def test_the_number_of_keys_is_exact_also_when_many_are_added_at_once(house: House, home: Home) -> None:
    _, installed, cat = home
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cathouse.stored_values (installation_id, key, value)"
                " SELECT CAST(:id AS uuid), 'old-' || number, '1' FROM generate_series(1, :many) AS number"
            ),
            {"id": installed["id"], "many": MOST_KEYS - 5},
        )
    answers = await asyncio.gather(
        *(
            house.call("installation", "PUT", f"{STORAGE}/new-{number}", 1, headers=cat, expect=None)
            for number in range(20)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 15
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"storage_quota"}
    await house.call("installation", "PUT", f"{STORAGE}/old-1", 2, headers=cat)  # what is there may change
    await house.call("installation", "DELETE", f"{STORAGE}/old-1", headers=cat, expect=204)
    await house.call("installation", "PUT", f"{STORAGE}/one-more", 1, headers=cat, expect=201)


async def test_of_two_writers_with_the_same_revision_one_wins(house: House, home: Home) -> None:
    _, _, cat = home
    path = f"{STORAGE}/shared"
    await house.call("installation", "PUT", path, 0, headers=cat, expect=201)
    both = {**cat, "If-Match": '"1"'}
    answers = await asyncio.gather(
        *(house.call("installation", "PUT", path, number, headers=both, expect=None) for number in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5
    assert (await house.call("installation", "GET", path, headers=cat)).json()["revision"] == 2


async def test_a_cat_reads_its_installation_as_it_is_now(house: House, home: Home) -> None:
    player, installed, cat = home
    path = "/api/v1/cat/installation"
    assert (await house.call("installation", "GET", path, headers=cat)).json() == {
        "id": installed["id"],
        "instance_name": "Misty",
        "config": {},
        "version": "1.0.0",
        "permissions": ["notification", "storage"],
    }
    await house.call(
        "installation",
        "PUT",
        f"/api/v1/installations/{installed['id']}/permissions/notification",
        {"granted": False},
        person=player,
    )
    assert (await house.call("installation", "GET", path, headers=cat)).json()["permissions"] == ["storage"]
    await house.call("installation", "POST", f"/api/v1/installations/{installed['id']}/pause", person=player)
    refused = await house.call("installation", "GET", path, headers=cat, expect=401)
    assert refused.json()["code"] == "installation_not_active"


@directly
async def test_a_notification_carries_sixteen_kibibytes_of_data_at_most(house: House, home: Home) -> None:
    _, _, cat = home
    note = {"title": "Hello", "body": "Come home.", "data": "x" * (16 * 1024)}
    refused = await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=422)
    assert refused.json()["errors"][0]["location"] == "body.data"
    note["data"] = note["data"][2:]
    await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=201)


@directly
async def test_those_kibibytes_are_the_ones_on_the_wire(house: House, home: Home) -> None:
    _, _, cat = home
    note = {"title": "Hello", "body": "Come home.", "data": "🐈" * 4096}
    await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=422)
    note["data"] = note["data"][1:]
    await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=201)


async def test_a_cat_speaks_a_hundred_times_a_day(house: House, home: Home) -> None:
    player, installed, cat = home
    values = {"installation_id": uuid.UUID(installed["id"]), "user_id": player.id, "title": "x", "body": "x"}
    an_hour_ago = func.now() - text("interval '1 hour'")
    await house.execute(insert(Notification).values([{**values, "created_at": an_hour_ago} for _ in range(100)]))
    note = {"title": "Hello", "body": "Come home."}
    refused = await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=429)
    assert (refused.json()["code"], refused.headers["ratelimit-limit"]) == ("rate_limited", "100")
    assert 22.9 * 3600 < int(refused.headers["retry-after"]) <= 23 * 3600
    await house.execute(update(Notification).values(created_at=func.now() - text("interval '25 hours'")))
    await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=cat, expect=201)
