"""What a developer sees of a cat's installations: who has it and how it went, and nothing of what players wrote."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from cathouse.schema import PlayerAlias
from tests.factories.cats import SCHEMA
from tests.fixtures.activity import interaction, kept, report
from tests.fixtures.api_keys import headers_of_key
from tests.fixtures.erasures import erase
from tests.fixtures.house import House, Person, directly
from tests.fixtures.installations import INSTALLATIONS
from tests.fixtures.waiting import until

CANARY = "quillfeather"
LISTS = ("installations", "interactions", "events")


async def listed(
    house: House, person: Person, cat: dict[str, Any], what: str, query: str = "", *, expect: int = 200
) -> dict[str, Any]:
    path = f"/api/v1/developer/cats/{cat['id']}/{what}{query}"
    answer: dict[str, Any] = (await house.call("installation", "GET", path, person=person, expect=expect)).json()
    return answer


async def read_all(house: House, person: Person, cat: dict[str, Any], what: str, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await listed(house, person, cat, what, f"?limit={limit}{cursor}")
        assert 0 < len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_a_developer_sees_who_has_the_cat_by_alias_and_nothing_that_a_player_wrote(house: House) -> None:
    developer, player, other = await house.register("developer"), await house.register(), await house.register()
    cat = await house.publish(developer, config_schema=SCHEMA)
    mine = {"instance_name": f"{CANARY}-name", "config": {"city": f"{CANARY}-city"}}
    first = await house.install(player, cat, **mine)
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{first['id']}", person=player, expect=204)
    second = await house.install(player, cat, **mine)
    theirs = await house.install(other, cat, **mine)
    await house.call("installation", "POST", f"{INSTALLATIONS}/{theirs['id']}/pause", person=other)
    found = await listed(house, developer, cat, "installations")
    assert [(each["installation_id"], each["status"], each["version"]) for each in found["items"]] == [
        (theirs["id"], "paused", "1.0.0"),
        (second["id"], "active", "1.0.0"),
        (first["id"], "uninstalled", "1.0.0"),
    ]
    newest = found["items"][0]
    assert newest.keys() == {"installation_id", "alias", "version", "status", "suspended", "since"}
    assert (newest["suspended"], newest["since"]) == (None, theirs["installed_at"])
    with house.engine.connect() as connection:
        aliases = {
            row.user_id: str(row.alias) for row in connection.execute(select(PlayerAlias.user_id, PlayerAlias.alias))
        }
    # One name for one player, over reinstallations; another one for another player.
    assert [each["alias"] for each in found["items"]] == [aliases[other.id], aliases[player.id], aliases[player.id]]
    text = str(found)
    for hidden in (CANARY, str(player.id), str(other.id), player.email, other.email):
        assert hidden not in text


async def test_a_player_is_another_one_for_every_cat(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cats = [await house.publish(developer) for _ in range(2)]
    for cat in cats:
        await house.install(player, cat)
    aliases = {(await listed(house, developer, cat, "installations"))["items"][0]["alias"] for cat in cats}
    assert len(aliases) == 2


async def test_who_was_erased_has_no_alias_any_more(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    await erase(house, "installation", player.id)
    (gone,) = (await listed(house, developer, cat, "installations"))["items"]
    assert (gone["installation_id"], gone["alias"], gone["status"]) == (installed["id"], None, "uninstalled")


async def test_a_developer_sees_how_interactions_went_and_not_what_was_said(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat, second = await house.publish(developer), await house.publish(developer)
    installed, other = await house.install(player, cat), await house.install(player, second)
    answered = await house.interact(player, installed, {"say": CANARY})
    assert answered.json()["output"]["heard"] == CANARY
    await report(house, interaction(other))
    failed = interaction(installed, status_code=502, proxy_error="destination_unavailable", at="2026-11-01T12:00:00Z")
    await report(house, failed)
    await until(lambda: len(kept(house)) == 3)
    found = await listed(house, developer, cat, "interactions")
    newest, oldest = found["items"]
    assert newest.keys() == {"id", "at", "kind", "status_code", "proxy_error", "duration_ms"}
    assert (newest["kind"], newest["status_code"], newest["proxy_error"]) == ("interaction", 200, None)
    assert oldest == {name: failed[name] for name in newest}
    text = str(found)
    for hidden in (CANARY, str(player.id), installed["id"]):
        assert hidden not in text


async def test_pages_lose_and_repeat_nothing_while_more_comes(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    made = [await house.install(player, cat, instance_name=f"Cat {number}") for number in range(5)]
    at = "2026-11-01T12:00:00Z"
    await report(house, *(interaction(made[0], at=at) for _ in range(5)))
    for what, key in (("installations", "installation_id"), ("interactions", "id")):
        whole = (await listed(house, developer, cat, what))["items"]
        assert len(whole) >= 5
        for limit in (1, 2):
            assert await read_all(house, developer, cat, what, limit) == whole
        first = await listed(house, developer, cat, what, "?limit=2")
        await house.install(player, cat, instance_name=f"While {what} are read")
        await report(house, interaction(made[0]))
        rest = await listed(house, developer, cat, what, f"?limit=100&cursor={first['next_cursor']}")
        assert [each[key] for each in (*first["items"], *rest["items"])] == [each[key] for each in whole]
        assert rest["next_cursor"] is None


async def test_a_cursor_leads_on_in_its_own_list_only(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat, other = await house.publish(developer), await house.publish(developer)
    for which in (cat, other):
        for name in ("Misty", "Smoky"):
            await report(house, interaction(await house.install(player, which, instance_name=name)))
    for what in LISTS:
        cursor = (await listed(house, developer, cat, what, "?limit=1"))["next_cursor"]
        assert cursor is not None
        wrong = [(other, what), *((cat, each) for each in LISTS if each != what)]
        for which, where in wrong:
            refused = await listed(house, developer, which, where, f"?limit=1&cursor={cursor}", expect=400)
            assert refused["code"] == "cursor_mismatch"


async def test_only_the_cats_developer_reads_and_players_do_not(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    await house.install(player, cat)
    for what in LISTS:
        for person in (await house.register("developer"), await house.admin()):
            assert (await listed(house, person, cat, what, expect=404))["code"] == "not_found"
        await listed(house, developer, {"id": uuid.uuid4()}, what, expect=404)
        assert (await listed(house, player, cat, what, expect=403))["code"] == "role_required"


async def test_a_key_that_may_read_what_developers_see_reads_it_and_changes_nothing(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    installed = await house.install(player, cat)
    path = f"/api/v1/developer/cats/{cat['id']}"
    headers = await headers_of_key(house, developer, "developer:read")
    for what in LISTS:
        answer = await house.call("installation", "GET", f"{path}/{what}", headers=headers)
        assert answer.json()["items"] == (await listed(house, developer, cat, what))["items"]
    event = (await listed(house, developer, cat, "events"))["items"][0]["id"]
    for action in (f"events/{event}/resend", f"installations/{installed['id']}/suspend"):
        body = {"reason": "x"} if action.endswith("suspend") else None
        refused = await house.call("installation", "POST", f"{path}/{action}", body, headers=headers, expect=403)
        assert refused.json()["code"] == "scope_required"
    other = await headers_of_key(house, developer, "catalog:write")
    await house.call("installation", "GET", f"{path}/installations", headers=other, expect=403)


@directly
@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=x", "?cursor=x"])
async def test_a_page_that_is_none_is_refused(house: House, query: str) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    for what in LISTS:
        await listed(house, developer, cat, what, query, expect=400 if "cursor" in query else 422)
