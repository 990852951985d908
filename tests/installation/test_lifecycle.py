"""The outbox: cats are told what becomes of their installations, at least once, in order, each attempt to be seen."""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response

from cathouse.database import AnyRow, DatabaseUrl, DueRows, Worker, due
from cathouse.schema import Installation, LifecycleEvent, LifecycleEventType
from cathouse.web import ServiceClient, ServiceUnavailableError
from installation_service.lifecycle import repository, service
from proxy_service.egress import breakers
from tests.factories.cats import NOTIFICATION, STORAGE
from tests.fixtures.house import House, Person, create_service, directly, run_house, settings_for
from tests.fixtures.lifecycle import until_told
from tests.fixtures.relay import relay_to
from tests.fixtures.server import server_url
from tests.fixtures.serving import serve
from tests.proxy.cats import Behaviour, Cat, respond

INSTALLATIONS = "/api/v1/installations"
SECONDS = dt.timedelta(seconds=1)
SOON_S = 0.02
FAILING = respond(500)


@pytest.fixture
async def cat(house: House) -> AsyncIterator[Cat]:
    """A cat server that the house's cats live on from now on."""
    listening = Cat()
    async with serve(listening.app) as url:
        house.cat_url = url
        yield listening


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pause is short, and nothing is given up."""
    pause_after = DueRows.pause_after

    def soon(rows: DueRows, attempts: int) -> dt.timedelta:
        return SOON_S * SECONDS if rows._model is LifecycleEvent else pause_after(rows, attempts)

    monkeypatch.setattr(DueRows, "pause_after", soon)
    monkeypatch.setattr(repository, "MOST_ATTEMPTS", 10_000)
    monkeypatch.setattr(due, "TAKEN_SOON_S", SOON_S)


async def publish(house: House, developer: Person, **changes: Any) -> dict[str, Any]:
    return await house.publish(developer, endpoint_url=f"{house.cat_url}/", **changes)


async def move(house: House, player: Person, installed: dict[str, Any], action: str) -> None:
    await house.call("installation", "POST", f"{INSTALLATIONS}/{installed['id']}/{action}", person=player)


async def uninstall(house: House, player: Person, installed: dict[str, Any]) -> None:
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{installed['id']}", person=player, expect=204)


async def listed(house: House, developer: Person, cat_id: str, query: str = "", *, expect: int = 200) -> dict[str, Any]:
    path = f"/api/v1/developer/cats/{cat_id}/events{query}"
    answer: dict[str, Any] = (await house.call("installation", "GET", path, person=developer, expect=expect)).json()
    return answer


async def resend(house: House, developer: Person, cat_id: str, event_id: object, *, expect: int = 200) -> None:
    path = f"/api/v1/developer/cats/{cat_id}/events/{event_id}/resend"
    await house.call("installation", "POST", path, person=developer, expect=expect)


def told(cat: Cat, installed: dict[str, Any]) -> list[str]:
    """What the cat was told of this installation, the attempts that it refused among it."""
    messages = [json.loads(raw) for _, raw in cat.told]
    return [each["type"].removeprefix("installation.") for each in messages if of(each) == installed["id"]]


def of(message: dict[str, Any]) -> str:
    installation_id: str = message["installation"]["id"]
    return installation_id


def rows(house: House) -> Sequence[AnyRow]:
    """All events, in the order in which they happened."""
    with house.engine.connect() as connection:
        return connection.execute(select(LifecycleEvent.__table__).order_by(LifecycleEvent.sequence)).all()


async def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - what happens elsewhere is looked at, not told
            await asyncio.sleep(0.01)


async def until_attempted(house: House, times: int) -> AnyRow:
    """Wait until the first event was attempted so often, and return it."""
    await until(lambda: len(rows(house)[0].attempt_log) >= times)
    return rows(house)[0]


def by_type(**behaviours: Behaviour) -> Behaviour:
    """Another behaviour for each type of event; a 204 for the rest."""

    async def behaviour(request: Request) -> Response:
        kind = (await request.json())["type"].removeprefix("installation.")
        return await behaviours.get(kind, respond(204, b""))(request)

    return behaviour


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


async def test_a_cat_that_is_gone_is_not_asked_again_and_hears_of_the_next(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat.when_told = by_type(created=respond(410))
    installed = await house.install(player, await publish(house, developer))
    await move(house, player, installed, "pause")
    await until_told(house.engine)
    assert told(cat, installed) == ["created", "paused"]
    gone, heard = rows(house)
    assert (gone.delivered_at, gone.attempt_log[0]["status_code"]) == (None, 410)
    assert heard.delivered_at is not None


def test_the_schedule_is_the_one_of_the_design() -> None:
    """security.md: attempts at 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h."""
    pauses = [pause / SECONDS for pause in repository.PAUSES]
    assert pauses == [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600]
    assert repository.MOST_ATTEMPTS == 8


@directly
async def test_it_is_tried_by_the_schedule_and_given_up_after_the_last_attempt(
    house: House, cat: Cat, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here eight attempts take a second; in the schedule's 28 hours the breaker is never open when one is due.
    monkeypatch.setattr(breakers, "FAILURES_IN_A_ROW", 9)
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    cat.when_told = by_type(created=FAILING)
    installed = await house.install(player, published)
    await move(house, player, installed, "pause")
    for attempt, pause in enumerate(repository.PAUSES, start=1):
        event = await until_attempted(house, attempt)
        ended = dt.datetime.fromisoformat(event.attempt_log[-1]["at"])
        assert event.attempts == attempt
        assert pause <= event.next_attempt_at - ended < pause + 30 * SECONDS
        assert told(cat, installed) == ["created"] * attempt
        await resend(house, developer, published["id"], event.id)
    await until_told(house.engine)
    given_up, heard = rows(house)
    assert told(cat, installed) == ["created"] * 8 + ["paused"]
    assert (given_up.attempts, len(given_up.attempt_log), given_up.delivered_at) == (8, 8, None)
    assert heard.delivered_at is not None
    assert len({headers["webhook-id"] for headers, _ in cat.told}) == 2


async def test_while_proxy_service_is_away_no_attempt_is_counted(
    house: House, cat: Cat, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def away(_self: ServiceClient, _path: str, _body: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        raise ServiceUnavailableError("proxy")

    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    monkeypatch.setattr(service, "PROXY_AWAY_PAUSE", SOON_S * SECONDS)
    with monkeypatch.context() as patched:
        patched.setattr(ServiceClient, "post", away)
        installed = await house.install(player, published)
        await move(house, player, installed, "pause")
        await until(lambda: asked >= 10)
        (event, _) = rows(house)
        assert (event.attempts <= 1, event.attempt_log, event.delivered_at) == (True, [], None)
    await until_told(house.engine)
    assert told(cat, installed) == ["created", "paused"]
    assert [(event.attempts, len(event.attempt_log)) for event in rows(house)] == [(1, 1)] * 2


async def test_the_developer_sees_every_attempt(house: House, cat: Cat, quick: None) -> None:
    developer, player = await house.register("developer"), await house.register()
    stranger, admin = await house.register("developer"), await house.admin()
    published = await publish(house, developer)
    before = dt.datetime.now(dt.UTC)
    answers = iter((FAILING, respond(404)))

    async def fail_twice(request: Request) -> Response:
        return await next(answers, respond(204, b""))(request)

    cat.when_told = fail_twice
    installed = await house.install(player, published)
    await move(house, player, installed, "pause")
    await until_told(house.engine)
    await uninstall(house, player, installed)
    await until_told(house.engine)
    page = await listed(house, developer, published["id"])
    assert [each["type"] for each in page["items"]] == [
        "installation.uninstalled",
        "installation.paused",
        "installation.created",
    ]
    assert page["next_cursor"] is None
    created = page["items"][-1]
    assert created.keys() == {"id", "type", "installation_id", "created_at", "delivered_at", "attempts"}
    assert created["installation_id"] == installed["id"]
    assert [(each["status_code"], each["proxy_error"]) for each in created["attempts"]] == [
        (500, "http_response_status"),
        (404, None),
        (204, None),
    ]
    times = [dt.datetime.fromisoformat(each["at"]) for each in created["attempts"]]
    delivered_at = dt.datetime.fromisoformat(created["delivered_at"])
    assert [before, *times, delivered_at] == sorted([before, *times, delivered_at])
    assert all(each["duration_ms"] >= 0 for each in created["attempts"])
    assert all(each.keys() == {"at", "status_code", "proxy_error", "duration_ms"} for each in created["attempts"])
    pages, cursor = [], ""
    for _ in range(3):
        part = await listed(house, developer, published["id"], f"?limit=1{cursor}")
        pages += part["items"]
        cursor = f"&cursor={part['next_cursor']}"
    assert (pages, part["next_cursor"]) == (page["items"], None)
    for person in (stranger, admin):
        await listed(house, person, published["id"], expect=404)
    await listed(house, player, published["id"], expect=403)
    await listed(house, developer, str(uuid.uuid4()), expect=404)
    everything = json.dumps(page)
    for private in (str(player.id), player.email, "Misty"):
        assert private not in everything


async def test_what_was_delivered_can_be_sent_once_more(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    installed = await house.install(player, published)
    await until_told(house.engine)
    (before,) = rows(house)
    cat.when_told = FAILING
    await resend(house, developer, published["id"], before.id)
    await move(house, player, installed, "pause")
    await until_attempted(house, 2)
    cat.when_told = respond(204, b"")
    (after, paused) = rows(house)
    # The schedule does not begin again, and nobody is held up.
    assert (after.next_attempt_at, after.delivered_at, len(after.attempt_log)) == (None, before.delivered_at, 2)
    await resend(house, developer, published["id"], paused.id)
    await until_told(house.engine)
    heard = told(cat, installed)
    assert heard[:2] == ["created"] * 2
    assert set(heard[2:]) == {"paused"}
    assert rows(house)[1].delivered_at is not None
    assert len({headers["webhook-id"] for headers, _ in cat.told}) == 2


async def test_what_was_given_up_can_be_sent_once_more(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    cat.when_told = respond(410)
    installed = await house.install(player, published)
    await until_told(house.engine)
    (event,) = rows(house)
    assert event.delivered_at is None
    cat.when_told = respond(204, b"")
    await resend(house, developer, published["id"], event.id)
    await until_told(house.engine)
    assert told(cat, installed) == ["created"] * 2
    assert rows(house)[0].delivered_at is not None
    assert len({headers["webhook-id"] for headers, _ in cat.told}) == 1


@directly
async def test_nobody_sends_the_events_of_somebody_elses_cat(house: House, cat: Cat) -> None:
    developer, player, stranger = await house.register("developer"), await house.register(), await house.admin()
    published, other = await publish(house, developer), await publish(house, developer)
    theirs = await publish(house, stranger)
    installed = await house.install(player, published)
    await until_told(house.engine)
    (event,) = rows(house)
    for person, cat_id in ((stranger, published["id"]), (stranger, theirs["id"]), (developer, other["id"])):
        await resend(house, person, cat_id, event.id, expect=404)
    await resend(house, developer, published["id"], uuid.uuid4(), expect=404)
    await resend(house, player, published["id"], event.id, expect=403)
    await resend(house, developer, published["id"], "x", expect=422)
    assert rows(house) == [event]
    assert told(cat, installed) == ["created"]


async def test_two_replicas_deliver_each_event_once_and_in_order(house: House, cat: Cat, clean_db: DatabaseUrl) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    ports = {name: int(url.rsplit(":", 1)[1]) for name, url in house.urls.items()}
    replica = create_service("installation", settings_for("installation", clean_db, ports))
    async with serve(replica) as url:
        urls = (house.urls["installation"], url)

        async def live(number: int) -> None:
            body = {"cat_id": published["id"], "instance_name": f"Misty {number}", "grants": {"storage": True}}
            made = await house.http.post(urls[number % 2] + INSTALLATIONS, json=body, headers=player.headers)
            path = f"{INSTALLATIONS}/{made.json()['id']}"
            for step, action in enumerate(("pause", "resume", "pause"), start=1):
                at = urls[(number + step) % 2]
                answer = await house.http.post(f"{at}{path}/{action}", headers=player.headers)
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*(live(number) for number in range(8)))
        await until_told(house.engine)
    assert len(cat.told) == 32
    stories: dict[str, list[str]] = {}
    for _, raw in cat.told:
        message = json.loads(raw)
        stories.setdefault(of(message), []).append(message["type"].removeprefix("installation."))
    assert list(stories.values()) == [["created", "paused", "resumed", "paused"]] * 8
    assert {event.attempts for event in rows(house)} == {1}


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


async def test_what_was_taken_again_after_its_lease_is_not_undone_by_who_had_it_before(house: House, cat: Cat) -> None:
    developer, player = await house.register("developer"), await house.register()
    published = await publish(house, developer)
    second_is_done = asyncio.Event()

    async def fail_late(request: Request) -> Response:
        if len(cat.told) > 1:
            return Response(status_code=204)
        await second_is_done.wait()
        return Response(status_code=500)

    cat.when_told = fail_late
    installed = await house.install(player, published)
    await until(lambda: len(cat.told) == 1)
    (event,) = rows(house)
    await resend(house, developer, published["id"], event.id)  # due at once: as if the lease were over
    await until(lambda: rows(house)[0].delivered_at is not None)
    await move(house, player, installed, "pause")
    await until(lambda: rows(house)[1].delivered_at is not None)
    second_is_done.set()
    event = await until_attempted(house, 2)
    assert [each["status_code"] for each in event.attempt_log] == [204, 500]
    assert event.next_attempt_at is None
    assert told(cat, installed) == ["created", "created", "paused"]


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


@directly
async def test_who_waits_behind_another_is_not_asked_for_again_and_again(
    house: House, cat: Cat, monkeypatch: pytest.MonkeyPatch
) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat.when_told = FAILING
    installed = await house.install(player, await publish(house, developer))
    await until_attempted(house, 1)
    claims = 0
    claim = DueRows.claim

    async def counted(rows: DueRows, session: Any) -> Sequence[AnyRow]:
        nonlocal claims
        claims += rows._model is LifecycleEvent
        return await claim(rows, session)

    monkeypatch.setattr(DueRows, "claim", counted)
    await house.execute(update(LifecycleEvent).values(next_attempt_at=func.now() + dt.timedelta(hours=1)))
    await move(house, player, installed, "pause")
    await until(lambda: claims >= 1)
    with house.engine.connect() as connection:
        due_in = connection.scalar(select(repository.due_events().seconds_until_due))
        assert due_in is not None
        assert 3500 < due_in < 3600
    await asyncio.sleep(1.5 * due.TAKEN_SOON_S)
    assert claims <= 2  # what was due in five seconds may have been looked for
    assert told(cat, installed) == ["created"]


async def test_an_idle_service_looks_for_nothing(clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "Worker", partial(Worker, look_again_s=0.1))
    async with (
        relay_to(server_url()) as relay,
        run_house(clean_db, through=relay.url, db_idle_after=1.0) as house,
        serve((cat := Cat()).app) as house.cat_url,
    ):
        user = "cathouse_installation_login"
        developer, player = await house.register("developer"), await house.register()
        cat.when_told = by_type(created=FAILING)
        installed = await house.install(player, await publish(house, developer))
        await until_attempted(house, 1)
        cat.when_told = respond(204, b"")
        await house.execute(update(LifecycleEvent).values(next_attempt_at=func.now() + dt.timedelta(hours=1)))
        before = relay.round_trips[user]
        await move(house, player, installed, "pause")
        await until(lambda: relay.round_trips[user] > before + 8)  # it looks again: the count can rise
        ends = time.monotonic() + 20
        while before != (before := relay.round_trips[user]):
            assert time.monotonic() < ends
            await asyncio.sleep(1.2)
        await house.execute(update(LifecycleEvent).values(next_attempt_at=func.now()))
        await asyncio.sleep(1.0)
        assert relay.round_trips[user] == before
        assert told(cat, installed) == ["created"]
        await house.call("installation", "GET", INSTALLATIONS, person=player)
        await until_told(house.engine)
        assert told(cat, installed) == ["created", "created", "paused"]
