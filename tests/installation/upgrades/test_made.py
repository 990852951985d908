"""An upgrade that the player agrees to: what moves, what stays, and who comes first."""

import asyncio

from sqlalchemy import select, update

from cathouse.schema import Installation, LifecycleEvent
from tests.factories.cats import EXTERNAL, NOTIFICATION, SCHEMA, STORAGE, TASKS
from tests.fixtures.cat_calls import token
from tests.fixtures.gaps import until_somebody_waits_for_a_lock
from tests.fixtures.house import House
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.lifecycle import until_told
from tests.fixtures.releases import offer
from tests.installation.upgrades.upgrading import HOSTS, MUST_NOTIFY, answers_of, upgrade


def generation(house: House) -> int | None:
    with house.engine.connect() as connection:
        return connection.scalar(select(Installation.grant_generation))


async def test_an_upgrade_moves_the_version_and_keeps_what_was_not_answered_anew(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[STORAGE, NOTIFICATION, TASKS], config_schema=SCHEMA)
    grants = {"storage": True, "notification": True}
    installed = await house.install(player, cat, grants=grants, config={"city": "Köln"})
    await house.interact(player, installed, "one")
    await until_told(house.engine)
    await offer(
        house,
        developer,
        cat,
        permissions=[STORAGE, MUST_NOTIFY, {**TASKS, "required": True}, EXTERNAL],
        egress_hosts=HOSTS,
        config_schema=SCHEMA,
    )
    upgraded = (await upgrade(house, player, installed, grants={"tasks": True})).json()
    assert (upgraded["version"], upgraded["upgrade_available"]) == ("2.0.0", None)
    assert (upgraded["config"], upgraded["instance_name"]) == ({"city": "Köln"}, "Misty")
    assert answers_of(upgraded) == {
        "storage": (True, True),
        "notification": (True, True),
        "tasks": (True, True),
        "external_api": (False, False),
    }
    before = {each["permission_type"]: each["granted_at"] for each in installed["permissions"]}
    after = {each["permission_type"]: each["granted_at"] for each in upgraded["permissions"]}
    assert (after["storage"], after["notification"]) == (before["storage"], before["notification"])
    assert after["tasks"] > before["storage"]
    assert generation(house) == 1
    # What the cat remembers stays, and it is told.
    assert (await house.interact(player, installed, "two")).json()["output"]["visits"] == 2
    await until_told(house.engine)
    with house.engine.connect() as connection:
        events = connection.scalars(select(LifecycleEvent.event).order_by(LifecycleEvent.sequence)).all()
    assert events == ["installation.created", "installation.upgraded"]
    assert (await upgrade(house, player, installed, expect=409)).json()["offered"] is None


async def test_an_upgrade_takes_another_config_when_the_cat_wants_one(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, config_schema=SCHEMA)
    upgraded = (await upgrade(house, player, installed, config={"city": "Köln"})).json()
    assert upgraded["config"] == {"city": "Köln"}
    await offer(house, developer, cat, "3.0.0", config_schema=None)
    assert (await upgrade(house, player, installed, "3.0.0", expect=422)).json()["code"] == "config_invalid"
    assert (await upgrade(house, player, installed, "3.0.0", config={})).json()["config"] == {}


async def test_a_grant_that_is_withdrawn_with_the_upgrade_is_withdrawn_from_tokens_that_are_out(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat, grants={"storage": True, "notification": True})
    note = {"title": "Hello", "body": "You."}
    path = "/api/v1/cat/notifications"
    out = token(installed)
    await house.call("installation", "POST", path, note, headers=out, expect=201)
    await offer(house, developer, cat, permissions=[STORAGE, NOTIFICATION, {**TASKS, "required": True}])
    upgraded = await upgrade(house, player, installed, grants={"notification": False, "tasks": True})
    assert answers_of(upgraded.json())["notification"] == (False, False)
    assert generation(house) == 2
    refused = await house.call("installation", "POST", path, note, headers=out, expect=403)
    assert refused.json()["code"] == "permission_not_granted"


async def test_of_upgrades_in_the_same_instant_one_is_made(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    calls = (upgrade(house, player, installed, grants={"notification": True}, expect=None) for _ in range(4))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "version_not_offered"}
    assert answers_of(await seen(house, player, installed)) == {"storage": (True, True), "notification": (True, True)}
    await until_told(house.engine)
    with house.engine.connect() as connection:
        events = connection.scalars(select(LifecycleEvent.event).order_by(LifecycleEvent.sequence)).all()
    assert events == ["installation.created", "installation.upgraded"]


async def test_what_an_upgrade_makes_required_is_not_taken_back_in_the_same_instant(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat, grants={"storage": True, "notification": True})
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    path = f"{INSTALLATIONS}/{installed['id']}/permissions/notification"
    with house.engine.connect() as upgrading:
        upgrading.execute(update(Installation).values(consent_epoch=2))  # as the upgrade, just before its commit
        taking_back = asyncio.create_task(
            house.call("installation", "PUT", path, {"granted": False}, person=player, expect=None)
        )
        await until_somebody_waits_for_a_lock(house.engine)
        upgrading.commit()
    refused = await taking_back
    assert (refused.status_code, refused.json()["code"]) == (409, "permission_required")
    assert answers_of(await seen(house, player, installed))["notification"] == (True, True)


async def test_a_paused_installation_is_upgraded_and_an_uninstalled_one_is_not(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    path = f"{INSTALLATIONS}/{installed['id']}"
    await house.call("installation", "POST", f"{path}/pause", person=player)
    await house.call("installation", "PUT", f"{path}/permissions/storage", {"granted": False}, person=player)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    # Consent is to all that the release requires, also to what was taken back meanwhile.
    assert (await seen(house, player, installed))["upgrade_available"]["asks_for"] == ["notification", "storage"]
    refused = await upgrade(house, player, installed, grants={"notification": True}, expect=422)
    assert refused.json()["missing"] == ["storage"]
    upgraded = (await upgrade(house, player, installed, grants={"notification": True, "storage": True})).json()
    assert (upgraded["status"], upgraded["version"]) == ("paused", "2.0.0")
    await house.call("installation", "POST", f"{path}/resume", person=player)
    await house.interact(player, installed, "Hello")
    await offer(house, developer, cat, "3.0.0", permissions=[STORAGE, MUST_NOTIFY, {**TASKS, "required": True}])
    await house.call("installation", "DELETE", path, person=player, expect=204)
    ended = await upgrade(house, player, installed, "3.0.0", grants={"tasks": True}, expect=409)
    assert ended.json()["code"] == "transition_not_allowed"


async def test_nobody_else_upgrades_an_installation(house: House) -> None:
    developer, player, other = await house.register("developer"), await house.register(), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await offer(house, developer, cat, permissions=[STORAGE, MUST_NOTIFY])
    for person in (developer, other, await house.admin()):
        await upgrade(house, person, installed, grants={"notification": True}, expect=404)
    assert (await seen(house, player, installed))["version"] == "1.0.0"
