"""What an attempt came to, when the next one is made, and what the developer sees of it."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from cathouse.web import ServiceClient, ServiceUnavailableError
from installation_service.lifecycle import repository, service
from proxy_service.egress import breakers
from tests.fixtures.house import House, directly
from tests.fixtures.lifecycle import until_told
from tests.fixtures.waiting import until
from tests.installation.lifecycle.outbox import (
    FAILING,
    SECONDS,
    SOON_S,
    by_type,
    listed,
    move,
    publish,
    resend,
    rows,
    told,
    uninstall,
    until_attempted,
)
from tests.proxy.cats import Cat, respond


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
    """design/security.md: attempts at 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h."""
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
