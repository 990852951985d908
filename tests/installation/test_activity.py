"""What happened in an installation: what proxy-service reports, and what its cat does with what it was granted."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import Database, DatabaseSettings, DatabaseUrl, Unit, write_portions
from cathouse.schema import Interaction, PermissionType, PermissionUse
from installation_service.activity import repository, uses
from tests.factories.cats import NOTIFICATION, STORAGE, TASKS
from tests.fixtures.activity import interaction, kept, report
from tests.fixtures.cat_calls import STORAGE as STORAGE_PATH
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person, directly, run_house
from tests.fixtures.installations import INSTALLATIONS
from tests.fixtures.server import role_url
from tests.fixtures.waiting import until

NOTES = "/api/v1/cat/notifications"
CAT_TASKS = "/api/v1/cat/tasks"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
async def good(house: House) -> dict[str, Any]:
    installed = await house.install(await house.register(), await house.publish(await house.register("developer")))
    return interaction(installed)


async def test_a_report_that_names_another_cat_or_nobodys_does_not_stop_its_batch(
    house: House, good: dict[str, Any]
) -> None:
    foreign = {**good, "id": str(uuid.uuid4()), "cat_id": str(uuid.uuid4())}
    gone = {**good, "id": str(uuid.uuid4()), "installation_id": str(uuid.uuid4())}
    await report(house, foreign, good, gone, good)
    assert kept(house) == {good["id"]}


@directly
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("duration_ms", 2**31),
        ("bytes_in", 2**63),
        ("bytes_out", False),
        ("status_code", "200"),
        ("at", 0),
        ("at", "0001-01-01T00:00:00+23:59"),
        ("action", ""),
        ("action", "x" * 281),
    ],
)
async def test_what_no_column_can_hold_is_refused(house: House, good: dict[str, Any], member: str, value: Any) -> None:
    await report(house, {**good, member: value}, expect=422)
    assert kept(house) == set()


Home = tuple[Person, dict[str, Any], dict[str, str]]


async def settle(house: House) -> Home:
    """A player, an installation with everything granted, and its cat's headers."""
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, permissions=[STORAGE, NOTIFICATION, TASKS])
    installed = await house.install(player, cat, grants={"storage": True, "notification": True, "tasks": True})
    return player, installed, token(installed, frozenset(PermissionType))


@pytest.fixture
async def home(house: House) -> Home:
    return await settle(house)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reads be written after a moment."""
    monkeypatch.setattr(uses, "GATHER_S", 0.3)


async def activity(
    house: House, person: Person, installed: dict[str, Any], query: str = "", *, expect: int = 200
) -> dict[str, Any]:
    path = f"{INSTALLATIONS}/{installed['id']}/activity{query}"
    answer: dict[str, Any] = (await house.call("installation", "GET", path, person=person, expect=expect)).json()
    return answer


def used(items: Sequence[dict[str, Any]]) -> set[tuple[str, str, int]]:
    return {
        (each["permission_type"], each["action"], each["count"]) for each in items if each["type"] == "permission_use"
    }


def uses_of(engine: Engine) -> set[tuple[str, str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(select(PermissionUse.permission_type, PermissionUse.action, PermissionUse.count))
        return {(row[0], row[1], row[2]) for row in rows}


async def until_used(house: House, *wanted: tuple[str, str, int]) -> None:
    await until(lambda: uses_of(house.engine) >= set(wanted))


async def read_all(house: House, person: Person, installed: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await activity(house, person, installed, f"?limit={limit}{cursor}")
        assert 0 < len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_an_external_call_is_shown_as_a_use_too_once_and_is_no_interaction(house: House, home: Home) -> None:
    player, installed, _ = home
    longest = f"DELETE {'x' * 63}.{'y' * 63}.{'z' * 63}.{'w' * 53}.example"
    calls = [
        {
            "id": str(uuid.uuid4()),
            "installation_id": installed["id"],
            "cat_id": installed["cat"]["id"],
            "kind": "external",
            "status_code": 200,
            "proxy_error": "secret_echoed",
            "duration_ms": 12,
            "bytes_in": 1,
            "bytes_out": 1,
            "at": NOW.isoformat(),
            "action": action,
        }
        for action in ("GET api.example.com", longest)
    ]
    for _ in range(2):
        await report(house, *calls)
    # One at a time: all four are of the same moment.
    items = await read_all(house, player, installed, limit=1)
    assert used(items) == {("external_api", "GET api.example.com", 1), ("external_api", longest, 1)}
    shown = [(each["kind"], each["proxy_error"]) for each in items if each["type"] == "interaction"]
    assert shown == [("external", "secret_echoed")] * 2
    assert len(items) == len({each["id"] for each in items}) == 4
    installation = await house.call("installation", "GET", f"{INSTALLATIONS}/{installed['id']}", person=player)
    assert installation.json()["last_interaction_at"] is None
    await report(house, {**calls[0], "id": str(uuid.uuid4()), "kind": "interaction", "action": None})
    installation = await house.call("installation", "GET", f"{INSTALLATIONS}/{installed['id']}", person=player)
    assert installation.json()["last_interaction_at"] is not None


@pytest.mark.usefixtures("soon")
async def test_a_player_sees_interactions_and_every_use_of_a_permission_newest_first(house: House, home: Home) -> None:
    player, installed, cat = home
    said = (await house.interact(player, installed, "quillfeather")).json()
    assert said["output"]["visits"] == 1
    await until(lambda: kept(house))
    await house.call("installation", "DELETE", f"{STORAGE_PATH}/visits", headers=cat, expect=204)
    await house.call("installation", "GET", STORAGE_PATH, headers=cat)
    await house.call("installation", "POST", NOTES, {"title": "Hello", "body": "You."}, headers=cat, expect=201)
    task = (await house.call("installation", "POST", CAT_TASKS, {"title": "Feed me"}, headers=cat, expect=201)).json()[
        "id"
    ]
    await house.call("installation", "PATCH", f"{CAT_TASKS}/{task}", {"priority": "high"}, headers=cat)
    for path in (CAT_TASKS, f"{CAT_TASKS}/{task}"):
        await house.call("installation", "GET", path, headers=cat)
    everything = {
        ("storage", "get", 1),
        ("storage", "put", 1),
        ("storage", "delete", 1),
        ("storage", "list", 1),
        ("notification", "send", 1),
        ("tasks", "create", 1),
        ("tasks", "update", 1),
        ("tasks", "list", 1),
        ("tasks", "get", 1),
    }
    await until_used(house, *everything)
    items = (await activity(house, player, installed))["items"]
    assert used(items) == everything
    talks = [each for each in items if each["type"] == "interaction"]
    assert [each.keys() for each in talks] == [
        {"type", "id", "at", "kind", "status_code", "proxy_error", "duration_ms"}
    ]
    assert (talks[0]["kind"], talks[0]["status_code"], talks[0]["proxy_error"]) == ("interaction", 200, None)
    assert [each["at"] for each in items] == sorted((each["at"] for each in items), reverse=True)
    assert "quillfeather" not in str(items)


@pytest.mark.usefixtures("soon")
async def test_reads_of_a_moment_are_counted_together_and_writes_are_shown_one_by_one(house: House, home: Home) -> None:
    player, installed, cat = home
    for _ in range(2):
        await house.call("installation", "PUT", f"{STORAGE_PATH}/v", 1, headers=cat, expect=None)
    assert uses_of(house.engine) == {("storage", "put", 1)}
    await asyncio.gather(
        *(house.call("installation", "GET", f"{STORAGE_PATH}/v", headers=cat) for _ in range(5)),
        house.call("installation", "GET", f"{STORAGE_PATH}/none", headers=cat, expect=404),
    )
    await until_used(house, ("storage", "get", 6))
    items = (await activity(house, player, installed))["items"]
    assert [(each["action"], each["count"]) for each in items] == [("get", 6), ("put", 1), ("put", 1)]


@pytest.mark.usefixtures("soon")
async def test_what_was_refused_was_no_use(house: House, home: Home) -> None:
    player, installed, cat = home
    for permission in ("notification", "tasks"):
        path = f"{INSTALLATIONS}/{installed['id']}/permissions/{permission}"
        await house.call("installation", "PUT", path, {"granted": False}, person=player)
    await house.call("installation", "PUT", f"{STORAGE_PATH}/v", 1, headers={**cat, "If-Match": '"7"'}, expect=412)
    await house.call("installation", "DELETE", f"{STORAGE_PATH}/v", headers=cat, expect=404)
    await house.call("installation", "POST", NOTES, {"title": "Hello", "body": "You."}, headers=cat, expect=403)
    await house.call("installation", "POST", CAT_TASKS, {"title": "Feed me"}, headers=cat, expect=403)
    for path in (CAT_TASKS, f"{CAT_TASKS}/{uuid.uuid4()}"):
        await house.call("installation", "GET", path, headers=cat, expect=403)
    await house.call("installation", "GET", STORAGE_PATH, headers=cat)
    await until_used(house, ("storage", "list", 1))
    assert uses_of(house.engine) == {("storage", "list", 1)}


async def test_pages_of_both_kinds_lose_and_repeat_nothing_also_of_one_instant(
    house: House, home: Home, good: dict[str, Any]
) -> None:
    player, installed, _ = home
    of_one = {**good, "installation_id": installed["id"], "cat_id": installed["cat"]["id"]}
    times = [NOW - dt.timedelta(seconds=each) for each in (1, 1, 1, 2, 3, 3)]
    await report(house, *({**of_one, "id": str(uuid.uuid4()), "at": each.isoformat()} for each in times))
    rows = [
        {"id": uuid.uuid4(), "installation_id": uuid.UUID(installed["id"]), "permission_type": "storage", "at": each}
        for each in times
    ]
    await house.execute(insert(PermissionUse).values([{**row, "action": "put"} for row in rows]))
    whole = (await activity(house, player, installed))["items"]
    assert len(whole) == 12
    assert [(each["at"], each["id"]) for each in whole] == sorted(
        ((each["at"], each["id"]) for each in whole), reverse=True
    )
    for limit in (1, 5):
        assert await read_all(house, player, installed, limit) == whole
    # What happens while somebody pages comes before what was seen, and shifts nothing.
    first = await activity(house, player, installed, "?limit=4")
    await report(house, {**of_one, "id": str(uuid.uuid4()), "at": dt.datetime.now(dt.UTC).isoformat()})
    rest = await activity(house, player, installed, f"?limit=100&cursor={first['next_cursor']}")
    assert [*first["items"], *rest["items"]] == whole


async def test_an_installations_activity_is_its_players_only(house: House, home: Home, good: dict[str, Any]) -> None:
    player, installed, cat = home
    for number in range(2):
        await house.call("installation", "PUT", f"{STORAGE_PATH}/{number}", 1, headers=cat, expect=201)
    for person in (await house.register(), await house.register("developer"), await house.admin()):
        await activity(house, person, installed, expect=404)
    await activity(house, player, {"id": good["installation_id"]}, expect=404)
    second = await house.install(player, installed["cat"], instance_name="Smoky")
    assert (await activity(house, player, second))["items"] == []
    cursor = (await activity(house, player, installed, "?limit=1"))["next_cursor"]
    refused = await activity(house, player, second, f"?limit=1&cursor={cursor}", expect=400)
    assert refused["code"] == "cursor_mismatch"
    # It can still be read when the cat is gone.
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{installed['id']}", person=player, expect=204)
    assert len((await activity(house, player, installed))["items"]) == 2


async def test_reads_that_are_gathered_when_the_service_ends_are_written_down(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db) as house:
        _, _, cat = await settle(house)
        for _ in range(3):
            await house.call("installation", "GET", STORAGE_PATH, headers=cat)
        assert uses_of(house.engine) == set()
    assert uses_of(house.engine) == {("storage", "list", 3)}


async def test_what_could_not_be_written_is_written_later(
    clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uses, "GATHER_S", 0.1)
    add_uses, failed = repository.add_uses, asyncio.Event()

    async def fail_once(session: AsyncSession, counts: Any, *, at: dt.datetime) -> None:
        if not failed.is_set():
            failed.set()
            raise ValueError("no room")
        await add_uses(session, counts, at=at)

    monkeypatch.setattr(repository, "add_uses", fail_once)
    async with run_house(clean_db) as house:
        _, _, cat = await settle(house)
        await house.call("installation", "GET", STORAGE_PATH, headers=cat)
        await failed.wait()
        await until_used(house, ("storage", "list", 1))
        await house.call("installation", "GET", f"{STORAGE_PATH}/none", headers=cat, expect=404)
        await until_used(house, ("storage", "list", 1), ("storage", "get", 1))


@directly
async def test_what_is_older_than_thirty_days_goes_however_much_it_is(
    house: House, home: Home, clean_db: DatabaseUrl
) -> None:
    _, installed, _ = home
    installation_id, cat_id = uuid.UUID(installed["id"]), uuid.UUID(installed["cat"]["id"])
    ages = [*(30.1 for _ in range(1100)), 29.9, 0]
    times = [NOW - dt.timedelta(days=age) for age in ages]
    outcome = {"kind": "interaction", "status_code": 200, "duration_ms": 1, "bytes_in": 1, "bytes_out": 1}
    ids = {"installation_id": installation_id, "cat_id": cat_id}
    used_storage = {"installation_id": installation_id, "permission_type": "storage", "action": "put"}
    await house.execute(
        insert(Interaction).values([{"id": uuid.uuid4(), **ids, **outcome, "at": each} for each in times]),
        insert(PermissionUse).values([{"id": uuid.uuid4(), **used_storage, "at": each} for each in times]),
    )
    settings = DatabaseSettings(
        _env_file=None,
        database_url=role_url("installation", clean_db).for_libpq(),  # as the service's own role
    )
    databases = [Database.from_settings(settings, "installation") for _ in range(2)]
    removals: dict[str, Unit[int]] = {
        "interactions": repository.remove_old_interactions,
        "permission_uses": repository.remove_old_uses,
    }
    for removal in removals.values():
        removed = await asyncio.gather(*(write_portions(database, removal) for database in databases))
        assert sum(removed) == 1100
    for database in databases:
        await database.close()
    with house.engine.connect() as connection:
        for model in (Interaction, PermissionUse):
            assert connection.scalar(select(func.count()).select_from(model)) == 2
