"""Several replicas share what is to be told, and an idle one looks for nothing."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update
from starlette.requests import Request
from starlette.responses import Response

from cathouse.database import AnyRow, DatabaseUrl, DueRows, Worker, due
from cathouse.schema import LifecycleEvent
from installation_service.lifecycle import repository, service
from tests.fixtures.house import House, create_service, directly, run_house, settings_for
from tests.fixtures.lifecycle import until_told
from tests.fixtures.relay import relay_to
from tests.fixtures.server import server_url
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until
from tests.installation.lifecycle.outbox import (
    FAILING,
    INSTALLATIONS,
    by_type,
    move,
    of,
    publish,
    resend,
    rows,
    told,
    until_attempted,
)
from tests.proxy.cats import Cat, respond


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
