"""Cats: written down, challenged, published, stopped."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from catalog_service.cats.schemas import CatCreation
from cathouse.schema import AuditEvent
from tests.factories.cats import NOTIFICATION, STORAGE, cat_creation
from tests.fixtures.house import House, directly

CATS = "/api/v1/cats"
COSTLY: list[dict[str, Any]] = [
    {"properties": {"a": {"pattern": "^(a+)+$"}}},
    {"patternProperties": {"^(a+)+$": {}}},
    {"properties": {"a": {"$ref": "https://elsewhere.example/schema"}}},
    {"allOf": [{"$ref": "#"}]},
    {"properties": {"a": {"uniqueItems": True}}},
]
"""What could stop installation-service when a player's config is held to it."""


async def test_a_new_cat_is_a_draft_that_only_its_owner_and_admins_see(house: House) -> None:
    developer, other, admin = await house.register("developer"), await house.register("developer"), await house.admin()
    cat = await house.draft(developer)
    assert (cat["status"], cat["version"], cat["installations_count"]) == ("draft", "1.0.0", 0)
    assert cat["developer"]["id"] == str(developer.id)
    assert [each["permission_type"] for each in cat["permissions"]] == ["notification", "storage"]
    for reference in (cat["id"], cat["slug"]):
        await house.call("catalog", "GET", f"{CATS}/{reference}", expect=404)
        await house.call("catalog", "GET", f"{CATS}/{reference}", person=other, expect=404)
        for insider in (developer, admin):
            seen = await house.call("catalog", "GET", f"{CATS}/{reference}", person=insider)
            assert seen.json()["endpoint_url"] == cat["endpoint_url"]


async def test_a_published_cat_is_for_everybody_but_for_its_endpoint(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    assert cat["status"] == "published"
    seen = (await house.call("catalog", "GET", f"{CATS}/{cat['slug']}")).json()
    assert "endpoint_url" not in seen
    assert "suspension_reason" not in seen
    releases = (await house.call("catalog", "GET", f"{CATS}/{cat['id']}/releases")).json()["items"]
    assert [each["version"] for each in releases] == ["1.0.0"]
    assert "endpoint_url" not in releases[0]
    assert releases[0]["asks_for_consent"] is False
    one = await house.call("catalog", "GET", f"{CATS}/{cat['id']}/releases/1.0.0", person=developer)
    assert one.json()["endpoint_url"] == f"{house.cat_url}/{cat['slug']}"
    await house.call("catalog", "GET", f"{CATS}/{cat['id']}/releases/9.9.9", expect=404)
    permissions = (await house.call("catalog", "GET", f"{CATS}/{cat['id']}/permissions")).json()["items"]
    assert {each["permission_type"]: each["required"] for each in permissions} == {
        "storage": True,
        "notification": False,
    }


async def test_slugs_come_from_the_name_and_are_unique(house: House) -> None:
    developer = await house.register("developer")
    bodies = [cat_creation(name="Chef Maü!", slug=None) for _ in range(3)]
    made = [(await house.call("catalog", "POST", CATS, body, person=developer, expect=201)).json() for body in bodies]
    assert made[0]["slug"] == "chef-mau"
    assert len({cat["slug"] for cat in made}) == 3
    taken = await house.call("catalog", "POST", CATS, cat_creation(slug="chef-mau"), person=developer, expect=409)
    assert taken.json()["code"] == "slug_taken"


async def test_the_same_slug_in_the_same_instant_is_taken_once(house: House) -> None:
    developer = await house.register("developer")
    answers = await asyncio.gather(
        *(
            house.call("catalog", "POST", CATS, cat_creation(slug="one-only"), person=developer, expect=None)
            for _ in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


@directly
@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"version": "1.0"}, "body.version"),
        ({"version": "1.0.0-beta"}, "body.version"),
        ({"version": "01.0.0"}, "body.version"),
        ({"version": "1.0.0\n"}, "body.version"),
        ({"endpoint_url": "http://10.0.0.1/"}, "body.endpoint_url"),
        ({"endpoint_url": "https://cats.example.com:8443/"}, "body.endpoint_url"),
        ({"slug": "Not A Slug"}, "body.slug"),
        ({"permissions": [STORAGE, STORAGE]}, "body"),
        ({"permissions": [{**STORAGE, "permission_type": "everything"}]}, "body.permissions.0.permission_type"),
        ({"permissions": [{**STORAGE, "description": ""}]}, "body.permissions.0.description"),
        ({"timeout_s": 26}, "body.timeout_s"),
        ({"tags": ["x" * 31]}, "body.tags.0"),
        ({"tags": [f"t{number}" for number in range(21)]}, "body.tags"),
        ({"config_schema": {"type": "nothing"}}, "body.config_schema"),
        ({"config_schema": {"type": "array"}}, "body.config_schema"),
        *(({"config_schema": {"type": "object", **costly}}, "body.config_schema") for costly in COSTLY),
        ({"egress_hosts": ["api.example.com\n"]}, "body.egress_hosts.0"),
        ({"egress_hosts": ["api.example.com"]}, "body"),
        ({"egress_hosts": ["127.0.0.1"]}, "body.egress_hosts.0"),
        ({"icon_url": "javascript:alert(1)"}, "body.icon_url"),
        ({"status": "published"}, "body.status"),
    ],
)
async def test_what_is_wrong_with_a_cat_is_located(house: House, changes: dict[str, Any], location: str) -> None:
    developer = await house.register("developer")
    answer = await house.call("catalog", "POST", CATS, cat_creation(**changes), person=developer, expect=422)
    assert location in {error["location"] for error in answer.json()["errors"]}, answer.text


async def test_an_endpoint_that_does_not_answer_is_not_published(house: House) -> None:
    developer = await house.register("developer")
    cases = {
        "/nobody": "answered with status 404",
        "": "answered with status 405",
    }
    for path, cause in cases.items():
        cat = await house.draft(developer, endpoint_url=f"{house.cat_url}{path}")
        answer = await house.call("catalog", "POST", f"{CATS}/{cat['id']}/publish", person=developer, expect=422)
        assert answer.json()["code"] == "endpoint_challenge_failed"
        assert cause in answer.json()["cause"], answer.text
    closed = await house.draft(developer, endpoint_url="http://127.0.0.1:9/")
    answer = await house.call("catalog", "POST", f"{CATS}/{closed['id']}/publish", person=developer, expect=422)
    assert "cannot be reached" in answer.json()["cause"]
    still = await house.call("catalog", "GET", f"{CATS}/{closed['id']}", person=developer)
    assert still.json()["status"] == "draft"


async def test_a_cat_that_checks_signatures_does_not_answer_for_another(house: House) -> None:
    developer = await house.register("developer")
    first = await house.draft(developer)
    second = await house.draft(developer, endpoint_url=f"{house.cat_url}/{first['slug']}")
    answer = await house.call("catalog", "POST", f"{CATS}/{second['id']}/publish", person=developer, expect=422)
    assert answer.json()["code"] == "endpoint_challenge_failed"


async def test_only_the_owner_moves_a_cat_and_only_along_its_way(house: House) -> None:
    developer, other = await house.register("developer"), await house.register("developer")
    cat = await house.publish(developer)
    path = f"{CATS}/{cat['id']}"
    for move in ("publish", "unpublish"):
        await house.call("catalog", "POST", f"{path}/{move}", person=other, expect=404)
    again = await house.call("catalog", "POST", f"{path}/publish", person=developer, expect=409)
    assert again.json()["code"] == "transition_not_allowed"
    assert again.json()["allowed"] == ["publish a new release", "unpublish"]
    drafted = await house.call("catalog", "POST", f"{path}/unpublish", person=developer)
    assert drafted.json()["status"] == "draft"
    await house.call("catalog", "POST", f"{path}/unpublish", person=developer, expect=409)
    await house.call("catalog", "POST", f"{path}/publish", {"version": "7.0.0"}, person=developer, expect=404)
    back = await house.call("catalog", "POST", f"{path}/publish", {"version": "1.0.0"}, person=developer)
    assert back.json()["status"] == "published"


async def test_an_admin_suspends_and_reinstates(house: House) -> None:
    developer, admin = await house.register("developer"), await house.admin()
    cat = await house.publish(developer)
    path = f"{CATS}/{cat['id']}"
    suspended = await house.call("catalog", "POST", f"{path}/suspend", {"reason": "It bites."}, person=admin)
    assert (suspended.json()["status"], suspended.json()["suspension_reason"]) == ("suspended", "It bites.")
    await house.call("catalog", "GET", path, expect=404)
    twice = await house.call("catalog", "POST", f"{path}/suspend", {"reason": "x"}, person=admin, expect=409)
    assert twice.json()["allowed"] == ["reinstate"]
    blocked = await house.call("catalog", "POST", f"{path}/publish", person=developer, expect=409)
    assert blocked.json()["allowed"] == []
    back = await house.call("catalog", "POST", f"{path}/reinstate", person=admin)
    assert back.json()["status"] == "published"
    await house.call("catalog", "POST", f"{path}/reinstate", person=admin, expect=409)
    await house.call("catalog", "POST", f"{CATS}/{uuid.uuid4()}/suspend", {"reason": "x"}, person=admin, expect=404)
    with house.engine.connect() as connection:
        actions = connection.scalars(select(AuditEvent.action).order_by(AuditEvent.at)).all()
    assert [action for action in actions if action.startswith("cat.")] == [
        "cat.created",
        "cat.published",
        "cat.suspended",
        "cat.reinstated",
    ]


async def test_a_signing_secret_is_for_its_owner_only(house: House) -> None:
    developer, other, admin = await house.register("developer"), await house.register("developer"), await house.admin()
    cat = await house.draft(developer)
    path = f"{CATS}/{cat['id']}/signing-secret"
    secret = (await house.call("catalog", "GET", path, person=developer)).json()
    assert secret["secret"].startswith("whsec_")
    assert (secret["version"], secret["previous_valid_until"]) == (1, None)
    for outsider in (other, admin):
        await house.call("catalog", "GET", path, person=outsider, expect=404)


async def test_a_release_with_everything_is_kept_as_it_was_said(house: House) -> None:
    developer = await house.register("developer")
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    secret = {
        "name": "api_key",
        "host": "api.example.com",
        "header": "X-Api-Key",
        "description": "Your key.",
        "required": True,
    }
    external = {"permission_type": "external_api", "description": "To ask the weather.", "required": True}
    cat = await house.draft(
        developer,
        permissions=[STORAGE, NOTIFICATION, external],
        config_schema=schema,
        egress_hosts=["API.example.com"],
        secrets=[secret],
        timeout_s=20,
    )
    release = (await house.call("catalog", "GET", f"{CATS}/{cat['id']}/releases/1.0.0", person=developer)).json()
    assert release["config_schema"] == schema
    assert release["egress_hosts"] == ["api.example.com"]
    assert release["secrets"] == [secret]
    assert release["timeout_s"] == 20
    assert release["published_at"] is None


async def test_every_link_of_a_new_cat_is_kept_and_shown(house: House) -> None:
    """Those that are added later, too."""
    names = [name for name in CatCreation.model_fields if name.endswith("_url") and name != "endpoint_url"]
    links = {name: f"https://cats.example.com/{name}" for name in names}
    cat = await house.publish(await house.register("developer"), **links)
    seen = (await house.call("catalog", "GET", f"{CATS}/{cat['id']}")).json()
    assert {name: seen.get(name) for name in names} == links


async def test_name_description_tags_and_links_change_at_any_time(house: House) -> None:
    developer, other = await house.register("developer"), await house.register("developer")
    cat = await house.publish(developer, icon_url="https://cats.example.com/icon.png")
    path = f"{CATS}/{cat['id']}"
    body = {"name": "Umbrella Ursula", "tags": ["Rain ", "rain", "Coat"], "icon_url": None}
    changed = (await house.call("catalog", "PATCH", path, body, person=developer)).json()
    assert (changed["name"], changed["tags"], changed["icon_url"]) == ("Umbrella Ursula", ["rain", "coat"], None)
    assert (changed["slug"], changed["description"]) == (cat["slug"], cat["description"])
    found = (await house.call("catalog", "GET", f"{CATS}?search=ursula")).json()["items"]
    assert [each["id"] for each in found] == [cat["id"]]
    await house.call("catalog", "PATCH", path, {"name": "Mine"}, person=other, expect=404)
    for wrong in ({"endpoint_url": "https://x.example"}, {"status": "published"}, {"name": None}, {"name": " "}):
        await house.call("catalog", "PATCH", path, wrong, person=developer, expect=422)


async def test_a_deprecated_cat_says_so_and_goes_on(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    path = f"{CATS}/{cat['id']}/deprecate"
    said = (await house.call("catalog", "POST", path, {"message": "Use Ursula."}, person=developer)).json()
    assert said["deprecation"] == "Use Ursula."
    assert (await house.call("catalog", "GET", f"{CATS}/{cat['slug']}")).json()["deprecation"] == "Use Ursula."
    await house.interact(player, installed, "Hello")
    await house.call("catalog", "POST", path, {"message": ""}, person=developer, expect=422)
    back = (await house.call("catalog", "POST", path, {"message": None}, person=developer)).json()
    assert back["deprecation"] is None


async def test_only_a_cat_that_was_never_installed_can_be_removed(house: House) -> None:
    developer, player, other = (
        await house.register("developer"),
        await house.register(),
        await house.register("developer"),
    )
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await house.call("installation", "DELETE", f"/api/v1/installations/{installed['id']}", person=player, expect=204)
    refused = await house.call("catalog", "DELETE", f"{CATS}/{cat['id']}", person=developer, expect=409)
    assert refused.json()["code"] == "cat_in_use"
    unused = await house.publish(developer)
    await house.call("catalog", "DELETE", f"{CATS}/{unused['id']}", person=other, expect=404)
    await house.call("catalog", "DELETE", f"{CATS}/{unused['id']}", person=developer, expect=204)
    await house.call("catalog", "GET", f"{CATS}/{unused['id']}", person=developer, expect=404)
    again = cat_creation(slug=unused["slug"])
    await house.call("catalog", "POST", CATS, again, person=developer, expect=201)


async def test_an_installation_and_a_removal_in_the_same_instant_leave_no_half(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    for number in range(4):
        cat = await house.publish(developer)
        body = {"cat_id": cat["id"], "instance_name": f"Misty {number}", "grants": {"storage": True}}
        answers = await asyncio.gather(
            house.call("installation", "POST", "/api/v1/installations", body, person=player, expect=None),
            house.call("catalog", "DELETE", f"{CATS}/{cat['id']}", person=developer, expect=None),
        )
        assert [answer.status_code for answer in answers] in ([201, 409], [404, 204])
