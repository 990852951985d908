"""Cats are told what becomes of their installations, at least once and in order."""

import asyncio
import datetime as dt
import json
import uuid
from collections import Counter
from functools import partial
from typing import Any

from sqlalchemy import select
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response

from cathouse.schema import Installation, LifecycleEventType
from installation_service.lifecycle import repository
from tests.factories.cats import NOTIFICATION, STORAGE
from tests.fixtures.house import House, directly
from tests.fixtures.lifecycle import until_told
from tests.fixtures.waiting import until
from tests.installation.lifecycle.outbox import (
    INSTALLATIONS,
    by_type,
    listed,
    move,
    of,
    publish,
    resend,
    rows,
    told,
    uninstall,
)
from tests.proxy.cats import Cat


async def test_of_everything_a_cat_is_told_once_in_the_order_in_which_it_happened(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    installed = await house.install(player, published)
    path = f"{INSTALLATIONS}/{installed['id']}"
    for action in ("pause", "pause", "resume", "resume"):
        await move(house, player, installed, action)
    for granted in (True, True, False):
        grant = f"{path}/permissions/notification"
        await house.call("installation", "PUT", grant, {"granted": granted}, person=player)
    release = {
        "version": "2.0.0",
        "endpoint_url": f"{house.cat_url}/",
        "permissions": [STORAGE, {**NOTIFICATION, "required": True}],
    }
    of_cat = f"/api/v1/cats/{published['id']}"
    await house.call("catalog", "POST", f"{of_cat}/releases", release, person=developer, expect=201)
    await house.call("catalog", "POST", f"{of_cat}/publish", {"version": "2.0.0"}, person=developer)
    consent = {"version": "2.0.0", "grants": {"notification": True}}
    await house.call("installation", "POST", f"{path}/upgrade", consent, person=player)
    of_developer = f"/api/v1/developer/cats/{published['id']}/installations/{installed['id']}"
    for action, body in (("suspend", {"reason": "It scratches."}), ("reinstate", None)):
        for _ in range(2):
            await house.call("installation", "POST", f"{of_developer}/{action}", body, person=developer)
    for _ in range(2):
        await uninstall(house, player, installed)
    await until_told(house.engine)
    expected = [
        "created",
        "paused",
        "resumed",
        "permissions_changed",
        "permissions_changed",
        "upgraded",
        "suspended",
        "reinstated",
        "uninstalled",
    ]
    assert told(cat, installed) == expected
    webhook = Webhook(house.cat_secrets[published["slug"]])
    events = rows(house)
    for event, (headers, raw) in zip(events, cat.told, strict=True):
        webhook.verify(raw, headers)
        message = json.loads(raw)
        assert headers["webhook-id"] == message["id"] == f"msg_{event.id.hex}"
        assert message["type"] == event.event
        assert dt.datetime.fromisoformat(message["created_at"]) == event.created_at
        assert (event.attempts, len(event.attempt_log)) == (1, 1)
        assert event.delivered_at is not None
    happened = [event.created_at for event in events]
    assert happened == sorted(happened)


async def test_of_what_did_not_happen_nobody_is_told(house: House, cat: Cat) -> None:
    developer, player, stranger = await house.register("developer"), await house.register(), await house.register()
    published = await publish(house, developer)
    installed = await house.install(player, published)
    path = f"{INSTALLATIONS}/{installed['id']}"
    body = {"cat_id": published["id"], "instance_name": "Misty", "grants": {"storage": True}}
    await house.call("installation", "POST", INSTALLATIONS, body, person=player, expect=409)
    body = {"cat_id": published["id"], "instance_name": "Tibby", "grants": {}}
    await house.call("installation", "POST", INSTALLATIONS, body, person=player, expect=422)
    taken_back = f"{path}/permissions/storage"
    await house.call("installation", "PUT", taken_back, {"granted": False}, person=player, expect=409)
    for action in ("pause", "resume"):
        await house.call("installation", "POST", f"{path}/{action}", person=stranger, expect=404)
    body["grants"] = {"storage": True}
    answers = await asyncio.gather(
        *(house.call("installation", "POST", INSTALLATIONS, body, person=player, expect=None) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    await until_told(house.engine)
    assert [event.event for event in rows(house)] == [LifecycleEventType.CREATED] * 2
    assert Counter(of(json.loads(raw)) for _, raw in cat.told) == Counter(str(e.installation_id) for e in rows(house))


async def test_whoever_does_the_same_thing_at_once_is_told_of_once(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    installed = await house.install(player, await publish(house, developer))
    await asyncio.gather(*(move(house, player, installed, "pause") for _ in range(5)))
    await asyncio.gather(*(uninstall(house, player, installed) for _ in range(5)))
    await until_told(house.engine)
    assert told(cat, installed) == ["created", "paused", "uninstalled"]


async def test_one_that_fails_holds_up_its_own_installation_and_no_other(house: House, cat: Cat, quick: None) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    first = await house.install(player, published)
    others: list[dict[str, Any]] = []

    async def fail(request: Request) -> Response:
        failures = told(cat, first).count("created")
        everything = len(others) == 1 and "paused" in told(cat, others[0])
        is_first = of(await request.json()) == first["id"]
        # It fails until the other one was told of all, and three times at least.
        return Response(status_code=500 if is_first and (failures < 4 or not everything) else 204)

    cat.when_told = by_type(created=fail)
    await move(house, player, first, "pause")
    await move(house, player, first, "resume")
    others.append(await house.install(player, published, instance_name="Tibby"))
    await move(house, player, others[0], "pause")
    await until_told(house.engine)
    assert told(cat, others[0]) == ["created", "paused"]
    heard = told(cat, first)
    assert heard == ["created"] * (len(heard) - 2) + ["paused", "resumed"]
    assert len({headers["webhook-id"] for headers, _ in cat.told}) == 5


async def test_nobody_waits_for_a_cat_that_hangs(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    others_are_told = asyncio.Event()

    async def hang(request: Request) -> Response:
        if of(await request.json()) == first["id"]:
            await others_are_told.wait()
        return Response(status_code=204)

    cat.when_told = hang
    first = await house.install(player, published)
    await until(lambda: told(cat, first) == ["created"])
    # It hangs already when the others come.
    other = await house.install(player, published, instance_name="Tibby")
    await move(house, player, other, "pause")
    await move(house, player, first, "pause")
    await until(lambda: told(cat, other) == ["created", "paused"])
    assert told(cat, first) == ["created"]
    others_are_told.set()
    await until_told(house.engine)
    assert told(cat, first) == ["created", "paused"]


async def test_a_suspended_cat_is_told_after_its_reinstatement(house: House, cat: Cat) -> None:
    developer, player, admin = await house.register("developer"), await house.register(), await house.admin()
    published = await publish(house, developer)
    installed = await house.install(player, published)
    await until_told(house.engine)
    of_cat = f"/api/v1/cats/{published['id']}"
    await house.call("catalog", "POST", f"{of_cat}/suspend", {"reason": "It scratches."}, person=admin)
    await uninstall(house, player, installed)
    await until(lambda: len(rows(house)[1].attempt_log) >= 1)
    (untold,) = (await listed(house, developer, published["id"], "?limit=1"))["items"]
    assert {(each["status_code"], each["proxy_error"]) for each in untold["attempts"]} == {(None, "cat_suspended")}
    assert told(cat, installed) == ["created"]
    await house.call("catalog", "POST", f"{of_cat}/reinstate", person=admin)
    await resend(house, developer, published["id"], untold["id"])
    await until_told(house.engine)
    assert told(cat, installed) == ["created", "uninstalled"]


@directly
async def test_what_happened_later_is_told_with_a_later_time(house: House, cat: Cat) -> None:
    """Also when its transaction began before, and came to the installation second."""
    developer, player = await house.register("developer"), await house.register()
    installed = await house.install(player, await publish(house, developer))
    await until_told(house.engine)
    lock = select(Installation.id).with_for_update()
    event_of = partial(repository.event_of, uuid.UUID(installed["id"]), uuid.UUID(installed["cat"]["id"]))
    with house.engine.begin() as second:
        second.execute(select(1))
        with house.engine.begin() as first:
            first.execute(lock)
            first.execute(event_of(LifecycleEventType.PERMISSIONS_CHANGED))
        second.execute(lock)
        second.execute(event_of(LifecycleEventType.PAUSED))
    happened = [event.created_at for event in rows(house)]
    assert [event.event for event in rows(house)][1:] == ["installation.permissions_changed", "installation.paused"]
    assert happened == sorted(happened)
