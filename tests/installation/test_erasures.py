"""Forgetting a player."""

import asyncio
import uuid
from typing import Any

from sqlalchemy import Row, delete, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

from cathouse.database.portions import PORTION
from cathouse.schema import (
    IdempotencyKey,
    Installation,
    InstallationPermission,
    Interaction,
    LifecycleEvent,
    Notification,
    Permission,
    PermissionUse,
    PlayerAlias,
    PlayerSecret,
    StoredValue,
    Task,
)
from tests.factories import accounts, cats
from tests.factories.cats import SECRET
from tests.fixtures.cat_calls import STORAGE as STORAGE_PATH
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import (
    add,
    differences,
    erase,
    events,
    everything,
    refused,
    strangers_are_refused,
)
from tests.fixtures.furnished import CANARY, furnish, published
from tests.fixtures.gaps import until_somebody_waits_for_a_lock
from tests.fixtures.house import House, Person
from tests.fixtures.lifecycle import until_told

CONTENTS = (StoredValue, PlayerSecret, Notification, Task, PlayerAlias, PermissionUse)
"""What nobody needs when its player is gone."""


def installation_row(house: House, installation: dict[str, Any]) -> Row[*tuple[Any, ...]]:
    query = select(*Installation.__table__.columns).where(Installation.id == uuid.UUID(installation["id"]))
    with house.engine.connect() as connection:
        return connection.execute(query).one()


def count(house: House, *conditions: Any) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(*conditions)) or 0


def total(house: House, model: Any) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model)) or 0


def erased(house: House) -> list[str]:
    """The installations that were erased, one entry for each event."""
    return sorted(each.subject["installation_id"] for each in events(house.engine, "installation.erased"))


async def test_only_auth_service_lets_somebody_be_forgotten(house: House) -> None:
    await strangers_are_refused(house, "installation")


async def test_installations_stay_without_a_name_a_config_and_a_life(house: House) -> None:
    home = await furnish(house, await published(house))
    before = {each["id"]: installation_row(house, each) for each in (home.installed, home.ended)}
    await erase(house, "installation", home.player.id)
    for each in (home.installed, home.ended):
        row, old = installation_row(house, each), before[each["id"]]
        assert (row.status, row.instance_name, row.config) == ("uninstalled", "erased", {})
        assert row.grant_generation == old.grant_generation + 1
        assert row.uninstalled_at == (old.uninstalled_at or row.updated_at)
    assert count(house, InstallationPermission.granted) == 0
    assert total(house, InstallationPermission) == 6
    assert erased(house) == sorted(home.ids[1:])
    for event in events(house.engine, "installation.erased"):
        assert (event.actor_id, event.detail) == (None, {})
        assert event.subject == {"installation_id": event.subject["installation_id"], "user_id": str(home.player.id)}


async def test_nothing_of_what_was_kept_is_left(house: House) -> None:
    home = await furnish(house, await published(house))
    for model in CONTENTS:
        assert total(house, model) > 0, model
    await erase(house, "installation", home.player.id)
    for model in CONTENTS:
        assert total(house, model) == 0, model
    left = [row for row in everything(house.engine) if CANARY in row]
    assert [row.split()[0] for row in left] == ["idempotency_keys"]  # the catalog's own
    assert count(house, IdempotencyKey.service == "installation") == 0


async def test_that_something_happened_stays_without_what(house: House) -> None:
    home = await furnish(house, await published(house))
    with house.engine.connect() as connection:
        told = select(LifecycleEvent.id, LifecycleEvent.event, LifecycleEvent.installation_id)
        before = set(connection.execute(told))
        await erase(house, "installation", home.player.id)
        after = set(connection.execute(told))
        assert before <= after
        # Of the one that lived until now: its cat may hold something of the player.
        assert [(event, str(of)) for _, event, of in after - before] == [
            ("installation.uninstalled", home.installed["id"])
        ]
    assert total(house, Interaction) == 2


async def test_suspensions_stay_what_they_were(house: House) -> None:
    home = await furnish(house, await published(house))
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE cathouse.installations SET developer_suspended_at = now(), developer_suspension_reason = 'a',"
                " operator_suspended_at = now(), operator_suspension_reason = 'b'"
            )
        )
    before = installation_row(house, home.installed)
    await erase(house, "installation", home.player.id)
    after = installation_row(house, home.installed)
    for column in ("suspended_at", "suspension_reason"):
        for by in ("developer", "operator"):
            assert getattr(after, f"{by}_{column}") == getattr(before, f"{by}_{column}") is not None


async def test_a_cat_is_nobody_at_once_when_its_player_is_gone(house: House) -> None:
    home = await furnish(house, await published(house))
    cat = token(home.installed)
    await house.call("installation", "GET", f"{STORAGE_PATH}/v", headers=cat)
    await erase(house, "installation", home.player.id)
    for method, path, body in (
        ("GET", f"{STORAGE_PATH}/v", None),
        ("PUT", f"{STORAGE_PATH}/v", 1),
        ("DELETE", f"{STORAGE_PATH}/v", None),
        ("POST", "/api/v1/cat/notifications", {"title": "a", "body": "b"}),
    ):
        answer = await house.call("installation", method, path, body, headers=cat, expect=401)
        assert answer.json()["code"] == "installation_not_active"
    await house.interact(home.player, home.installed, "Hello", expect=404)


async def test_what_a_cat_writes_in_the_same_instant_does_not_stay(house: House) -> None:
    home = await furnish(house, await published(house))
    cat = token(home.installed)
    with house.engine.begin() as connection:
        # Holds the erasure and the writers up, so that all of them meet.
        connection.execute(select(Installation.id).with_for_update(key_share=True))
        erasing = asyncio.create_task(erase(house, "installation", home.player.id))
        await until_somebody_waits_for_a_lock(house.engine)
        writers = [
            asyncio.create_task(house.call("installation", "PUT", f"{STORAGE_PATH}/{n}", n, headers=cat, expect=None))
            for n in range(5)
        ]
        await asyncio.sleep(0.1)
    answers = await asyncio.gather(*writers)
    await erasing
    assert {answer.status_code for answer in answers} <= {201, 401}
    assert total(house, StoredValue) == 0


async def test_nothing_of_anybody_else_is_touched(house: House) -> None:
    cat = await published(house)
    home, _ = await furnish(house, cat), await furnish(house, cat)
    await until_told(house.engine)
    before = everything(house.engine)
    await erase(house, "installation", home.player.id)
    changed = differences(before, everything(house.engine))
    assert {row.split()[0] for row in changed} == {
        *("installations", "installation_permissions", "stored_values", "player_secrets", "notifications", "tasks"),
        *("player_aliases", "permission_uses", "lifecycle_events", "idempotency_keys", "audit_events"),
    }
    for row in changed:
        assert any(each in row for each in home.ids), row


async def test_a_repetition_changes_nothing(house: House) -> None:
    home = await furnish(house, await published(house))
    await erase(house, "installation", home.player.id)
    await until_told(house.engine)
    once = everything(house.engine)
    for _ in range(2):
        await erase(house, "installation", home.player.id)
    assert differences(once, everything(house.engine)) == []


GRANTS_OF_ALL = """
INSERT INTO cathouse.installation_permissions (installation_id, permission_id, granted, granted_at)
SELECT i.id, p.id, true, now() FROM cathouse.installations i JOIN cathouse.permissions p ON p.cat_id = i.cat_id
"""

INSTALLATIONS_OF = """
INSERT INTO cathouse.installations (user_id, cat_id, consent_epoch, instance_name)
SELECT :player, :cat, 1, 'name ' || number FROM generate_series(1, :many) AS number
"""


async def player_with(house: House, many: int) -> Person:
    """Somebody with more installations than anybody has, each with a grant and a value, and as many tasks."""
    player, developer = await house.register(), accounts.user(role="developer")
    cat = cats.cat(developer.id, status="published")
    add(house.engine, developer)
    add(house.engine, cat)
    add(house.engine, Permission(cat_id=cat.id, permission_type="storage", description="To remember."))
    with house.engine.begin() as connection:
        connection.execute(text(INSTALLATIONS_OF), {"player": player.id, "cat": cat.id, "many": many})
        connection.execute(text(GRANTS_OF_ALL))
        installed = select(Installation.id, literal("k"), literal(1, JSONB))
        connection.execute(insert(StoredValue).from_select(["installation_id", "key", "value"], installed))
        noted = select(func.gen_random_uuid(), Installation.user_id, literal("a"))
        connection.execute(insert(Task).from_select(["id", "user_id", "title"], noted))
    return player


async def test_more_than_one_transaction_holds_is_forgotten(house: House) -> None:
    many = PORTION * 2 + 1
    player = await player_with(house, many)
    await erase(house, "installation", player.id)
    assert count(house, Installation.status == "uninstalled", Installation.instance_name == "erased") == many
    assert count(house, InstallationPermission.granted) == total(house, StoredValue) == total(house, Task) == 0
    moments = [each.at for each in events(house.engine, "installation.erased")]
    assert sorted(moments.count(moment) for moment in set(moments)) == [1, PORTION, PORTION]


async def test_at_once_it_is_done_once(house: House) -> None:
    many = PORTION * 2 + 1
    player = await player_with(house, many)
    await asyncio.gather(*(erase(house, "installation", player.id) for _ in range(4)))
    assert count(house, Installation.status == "uninstalled", Installation.grant_generation == 2) == many
    assert count(house, InstallationPermission.granted) == total(house, StoredValue) == total(house, Task) == 0
    assert len(erased(house)) == len(set(erased(house))) == many


async def test_no_answer_says_that_all_is_gone_while_another_call_is_still_at_it(house: House) -> None:
    player = await player_with(house, PORTION * 2 + 1)
    with house.engine.begin() as connection:
        # What another call has in hand.
        kept = select(StoredValue.installation_id).offset(PORTION * 2)
        connection.execute(delete(StoredValue).where(StoredValue.installation_id.not_in(kept)))
        erasing = asyncio.create_task(erase(house, "installation", player.id))
        await until_somebody_waits_for_a_lock(house.engine)
    await erasing
    assert total(house, StoredValue) == 0


async def test_what_is_half_done_is_finished_by_the_next_call(house: House) -> None:
    home = await furnish(house, await published(house))
    for change, table in (("UPDATE", "installation_permissions"), ("DELETE", "player_aliases")):
        async with refused(house, change, table):
            answer = await erase(house, "installation", home.player.id, expect=503)
            assert answer.json()["code"] == "database_full"
        if table == "installation_permissions":  # together with the installation, or not at all
            assert installation_row(house, home.installed).status == "active"
            assert erased(house) == []
    assert installation_row(house, home.installed).status == "uninstalled"
    assert total(house, StoredValue) == 0 < total(house, PlayerAlias)
    await erase(house, "installation", home.player.id)
    assert total(house, PlayerAlias) == 0
    assert [row for row in everything(house.engine) if CANARY in row and "catalog" not in row] == []
    assert erased(house) == sorted(home.ids[1:])


async def test_portions_that_were_done_are_not_done_again(house: House) -> None:
    many = PORTION + 2
    player = await player_with(house, many)
    with house.engine.connect() as connection:
        last = connection.scalar(select(Installation.id).order_by(Installation.id.desc()).limit(1))
    async with refused(house, "UPDATE", "installations", when=f"OLD.id = '{last}'"):
        await erase(house, "installation", player.id, expect=503)
    assert len(erased(house)) == PORTION
    await erase(house, "installation", player.id)
    assert len(erased(house)) == len(set(erased(house))) == many
    assert count(house, Installation.grant_generation == 2) == many


async def test_what_a_token_that_is_still_valid_makes_is_gone_with_the_next_call(house: House) -> None:
    cat = await published(house)
    home = await furnish(house, cat)
    await erase(house, "installation", home.player.id)
    given = {"grants": {"storage": True}, "secrets": {SECRET["name"]: CANARY}, "config": {"city": CANARY}}
    again = await house.install(home.player, cat, instance_name=CANARY, **given)
    await house.call("installation", "PUT", f"{STORAGE_PATH}/v", CANARY, headers=token(again), expect=201)
    assert total(house, PlayerAlias) == 1
    await erase(house, "installation", home.player.id)
    assert installation_row(house, again).status == "uninstalled"
    for model in CONTENTS:
        assert total(house, model) == 0, model
    assert erased(house) == sorted([*home.ids[1:], again["id"]])
