"""Giving an installation another name or another config."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.factories.cats import SCHEMA
from tests.fixtures.house import Body, House, Person, directly
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.releases import publish, release

OTHER_SCHEMA = {"type": "object", "properties": {"town": {"type": "string"}}, "additionalProperties": False}


async def change(
    house: House, player: Person, installed: dict[str, Any], body: Body, *, expect: int | None = 200
) -> httpx.Response:
    path = f"{INSTALLATIONS}/{installed['id']}"
    return await house.call("installation", "PATCH", path, body, person=player, expect=expect)


async def test_a_new_name_is_trimmed_and_all_else_stays(house: House) -> None:
    player, cat = await house.register(), await house.publish(await house.register("developer"))
    installed = await house.install(player, cat)
    renamed = (await change(house, player, installed, {"instance_name": "  Smoky \n"})).json()
    assert renamed == {**installed, "instance_name": "Smoky", "updated_at": renamed["updated_at"]}
    assert renamed["updated_at"] > installed["updated_at"]
    assert await seen(house, player, installed) == renamed
    # The cat hears the new name.
    assert "Smoky" in (await house.interact(player, installed, "Hello")).json()["output"]["say"]


async def test_a_name_is_free_unless_a_living_installation_of_the_cat_has_it(house: House) -> None:
    developer, player, other = await house.register("developer"), await house.register(), await house.register()
    cat, second = await house.publish(developer), await house.publish(developer)
    misty, smoky = [await house.install(player, cat, instance_name=name) for name in ("Misty", "Smoky")]
    for person, which, name in ((player, second, "Felix"), (other, cat, "Tom")):
        await house.install(person, which, instance_name=name)
    refused = await change(house, player, misty, {"instance_name": " Smoky"}, expect=409)
    assert refused.json()["code"] == "instance_name_taken"
    assert await seen(house, player, misty) == misty
    for name in ("Misty", "Felix", "Tom", "misty"):
        await change(house, player, misty, {"instance_name": name})
    # A paused one lives; one that was uninstalled does not.
    await house.call("installation", "POST", f"{INSTALLATIONS}/{smoky['id']}/pause", person=player)
    await change(house, player, misty, {"instance_name": "Smoky"}, expect=409)
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{smoky['id']}", person=player, expect=204)
    await change(house, player, misty, {"instance_name": "Smoky"})


async def test_of_several_that_take_one_name_in_the_same_instant_one_gets_it(house: House) -> None:
    player, cat = await house.register(), await house.publish(await house.register("developer"))
    made = [await house.install(player, cat, instance_name=f"Cat {number}") for number in range(4)]
    answers = await asyncio.gather(
        *(change(house, player, each, {"instance_name": "Smoky"}, expect=None) for each in made)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"instance_name_taken"}
    listed = (await house.call("installation", "GET", INSTALLATIONS, person=player)).json()["items"]
    assert [each["instance_name"] for each in listed].count("Smoky") == 1


async def test_a_config_is_replaced_whole_and_faults_are_located(house: House) -> None:
    player = await house.register()
    cat = await house.publish(await house.register("developer"), config_schema=SCHEMA)
    installed = await house.install(player, cat, config={"city": "Köln", "days": 3})
    changed = (await change(house, player, installed, {"config": {"city": "Bonn"}})).json()
    assert (changed["config"], changed["instance_name"]) == ({"city": "Bonn"}, "Misty")
    bad = {"config": {"days": 0, "extra": True}, "instance_name": "Smoky"}
    refused = (await change(house, player, installed, bad, expect=422)).json()
    assert refused["code"] == "config_invalid"
    assert {error["location"] for error in refused["errors"]} == {"body.config", "body.config.days"}
    assert await seen(house, player, installed) == changed


async def test_a_config_is_held_to_the_release_that_is_installed_not_to_the_newest(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, config_schema=SCHEMA)
    installed = await house.install(player, cat, config={"city": "Köln"})
    await release(house, developer, cat, "2.0.0", config_schema=OTHER_SCHEMA)
    await publish(house, developer, cat, "2.0.0")
    await change(house, player, installed, {"config": {"city": "Bonn"}})
    refused = await change(house, player, installed, {"config": {"town": "Bonn"}}, expect=422)
    assert refused.json()["code"] == "config_invalid"


async def test_a_cat_without_a_schema_takes_no_config(house: House) -> None:
    player, cat = await house.register(), await house.publish(await house.register("developer"))
    installed = await house.install(player, cat)
    await change(house, player, installed, {"config": {}})
    refused = (await change(house, player, installed, {"config": {"city": "Bonn"}}, expect=422)).json()
    assert (refused["code"], refused["errors"][0]["location"]) == ("config_invalid", "body.config")


async def test_what_is_not_sent_changes_nothing(house: House) -> None:
    player, cat = await house.register(), await house.publish(await house.register("developer"))
    installed = await house.install(player, cat)
    assert (await change(house, player, installed, {})).json() == installed
    assert await seen(house, player, installed) == installed


async def test_a_paused_installation_is_changed_and_an_uninstalled_one_is_not(house: House) -> None:
    player, cat = await house.register(), await house.publish(await house.register("developer"))
    installed = await house.install(player, cat)
    path = f"{INSTALLATIONS}/{installed['id']}"
    await house.call("installation", "POST", f"{path}/pause", person=player)
    await change(house, player, installed, {"instance_name": "Smoky"})
    await house.call("installation", "DELETE", path, person=player, expect=204)
    bodies: tuple[Body, ...] = ({"instance_name": "Felix"}, {"config": {}}, {})
    for body in bodies:
        refused = (await change(house, player, installed, body, expect=409)).json()
        assert (refused["code"], refused["current"], refused["allowed"]) == (
            "transition_not_allowed",
            "uninstalled",
            [],
        )
    assert (await seen(house, player, installed))["instance_name"] == "Smoky"


async def test_nobody_else_changes_an_installation(house: House) -> None:
    developer, player, other = await house.register("developer"), await house.register(), await house.register()
    installed = await house.install(player, await house.publish(developer))
    for person in (developer, other, await house.admin()):
        await change(house, person, installed, {"instance_name": "Mine"}, expect=404)
    assert await seen(house, player, installed) == installed


@directly
@pytest.mark.parametrize(
    "body",
    [
        {"instance_name": None},
        {"config": None},
        {"instance_name": " "},
        {"instance_name": "x" * 81},
        {"instance_name": "a\x00b"},
        {"config": []},
        {"status": "paused"},
        [],
        None,
    ],
)
async def test_a_change_that_is_none_is_refused(house: House, body: Any) -> None:
    player, cat = await house.register(), await house.publish(await house.register("developer"))
    installed = await house.install(player, cat)
    await change(house, player, installed, body, expect=422)
    assert await seen(house, player, installed) == installed
