"""What an uninstalled cat stored, and its player's secrets, are removed after 48 hours."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from cathouse.database import Database, DatabaseSettings, DatabaseUrl, retention, write_portions
from cathouse.database.errors import DatabaseFullError
from cathouse.database.portions import PORTION
from cathouse.schema import Installation, PlayerSecret, StoredValue
from installation_service.purges.service import purge
from tests.factories.cats import EXTERNAL, SECRET, STORAGE
from tests.factories.installations import installation
from tests.fixtures.cat_calls import STORAGE as STORAGE_PATH
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import add, refused
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.installations import INSTALLATIONS, seen
from tests.fixtures.server import role_url
from tests.fixtures.waiting import until

ASKING = {"permissions": [STORAGE, EXTERNAL], "egress_hosts": [SECRET["host"]], "secrets": [SECRET]}


@pytest.fixture
async def replicas(clean_db: DatabaseUrl) -> AsyncIterator[list[Database]]:
    """Two processes of the service, as far as the database knows."""
    settings = DatabaseSettings(_env_file=None, database_url=role_url("installation", clean_db).for_libpq())
    databases = [Database.from_settings(settings, "installation") for _ in range(2)]
    yield databases
    for database in databases:
        await database.close()


async def installed_with_contents(house: House, player: Person, cat: dict[str, Any], name: str) -> dict[str, Any]:
    made = await house.install(player, cat, instance_name=name, secrets={"api_key": "k"})
    # Not by an interaction: its report would lock the row at some time, and who purges passes over what is locked.
    await house.call("installation", "PUT", f"{STORAGE_PATH}/visits", 1, headers=token(made), expect=201)
    return made


async def uninstall(house: House, player: Person, installed: dict[str, Any], *, hours_ago: float) -> None:
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{installed['id']}", person=player, expect=204)
    await house.execute(
        update(Installation)
        .where(Installation.id == uuid.UUID(installed["id"]))
        .values(uninstalled_at=func.now() - dt.timedelta(hours=hours_ago))
    )


def contents(house: House) -> dict[str, tuple[int, int]]:
    """How many stored values and secrets each installation has that has any."""
    found: dict[str, tuple[int, int]] = {}
    with house.engine.connect() as connection:
        for each in connection.scalars(select(Installation.id)):
            counts = [
                connection.scalar(select(func.count()).where(model.installation_id == each)) or 0
                for model in (StoredValue, PlayerSecret)
            ]
            if any(counts):
                found[str(each)] = (counts[0], counts[1])
    return found


def purged(house: House) -> set[str]:
    with house.engine.connect() as connection:
        return {
            str(each) for each in connection.scalars(select(Installation.id).where(Installation.purged_at.is_not(None)))
        }


async def test_contents_go_48_hours_after_the_uninstallation_and_not_before(
    house: House, replicas: list[Database]
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, **ASKING)
    names = ("living", "paused", "fresh", "almost", "old")
    living, paused, fresh, almost, old = [await installed_with_contents(house, player, cat, name) for name in names]
    await house.call("installation", "POST", f"{INSTALLATIONS}/{paused['id']}/pause", person=player)
    for each, hours in ((fresh, 0.0), (almost, 47.9), (old, 48.1)):
        await uninstall(house, player, each, hours_ago=hours)
    assert contents(house) == {each["id"]: (1, 1) for each in (living, paused, fresh, almost, old)}
    assert await write_portions(replicas[0], purge) == 1
    assert contents(house) == {each["id"]: (1, 1) for each in (living, paused, fresh, almost)}
    assert purged(house) == {old["id"]}
    assert await write_portions(replicas[1], purge) == 0
    # That there was one stays to be seen, and so does what it was called.
    gone = await seen(house, player, old)
    assert (gone["status"], gone["instance_name"], gone["secrets"][0]["set"]) == ("uninstalled", "old", False)
    assert (await house.interact(player, living, "two")).json()["output"]["visits"] == 2


async def test_several_replicas_at_once_empty_each_installation_once_however_much_it_holds(
    house: House, replicas: list[Database]
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, **ASKING)
    living = await installed_with_contents(house, player, cat, "living")
    before = dt.datetime.now(dt.UTC) - dt.timedelta(hours=49)
    ended = [
        installation(player.id, uuid.UUID(cat["id"]), status="uninstalled", uninstalled_at=before) for _ in range(45)
    ]
    add(house.engine, *ended)
    # Those of the first take several portions; the others have a few each.
    values = [
        {"installation_id": each.id, "key": f"key-{number}", "value": number}
        for each in ended
        for number in range(2 * PORTION + 7 if each is ended[0] else 3)
    ]
    secrets = [{"installation_id": each.id, "name": "api_key", "wrapped_value": b"w", "key_id": "r1"} for each in ended]
    await house.execute(insert(StoredValue).values(values), insert(PlayerSecret).values(secrets))
    async with refused(house, "UPDATE", "installations", when="OLD.purged_at IS NOT NULL"):
        taken = await asyncio.gather(*(write_portions(database, purge) for database in replicas))
    assert sum(taken) >= len(ended)
    assert await write_portions(replicas[0], purge) == 0
    assert purged(house) == {str(each.id) for each in ended}
    assert contents(house) == {living["id"]: (1, 1)}


async def test_what_breaks_off_is_begun_again(house: House, replicas: list[Database]) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer, **ASKING)
    old = await installed_with_contents(house, player, cat, "old")
    await uninstall(house, player, old, hours_ago=49)
    async with refused(house, "UPDATE", "installations", when="NEW.purged_at IS NOT NULL"):
        with pytest.raises(DatabaseFullError):
            await replicas[0].write(purge)
    assert contents(house) == {old["id"]: (1, 1)}
    assert await write_portions(replicas[0], purge) == 1
    assert contents(house) == {}


async def test_the_service_does_it_by_itself(clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FIRST_AFTER_S", 0.1)
    monkeypatch.setattr(retention, "EVERY_S", 0.1)
    async with run_house(clean_db) as house:
        developer, player = await house.register("developer"), await house.register()
        cat = await house.publish(developer, **ASKING)
        old = await installed_with_contents(house, player, cat, "old")
        await uninstall(house, player, old, hours_ago=49)
        await until(lambda: not contents(house))
        assert purged(house) == {old["id"]}
