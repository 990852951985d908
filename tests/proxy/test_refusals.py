"""Who is refused before the cat is asked, with what: design/api.md's status table, row by row."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cathouse.database import DatabaseUrl
from cathouse.schema import Cat as CatRow
from cathouse.schema import Installation, InstallationStatus
from proxy_service.egress import breakers
from proxy_service.interactions import replies
from proxy_service.interactions import service as interactions
from tests.fixtures.house import House, Person, directly
from tests.fixtures.lifecycle import until_told
from tests.fixtures.waiting import until
from tests.proxy.cats import Cat, Home, inhabited, respond
from tests.proxy.deliveries import deliver, event, outcome

SUSPENDED: Mapping[str, dict[str, Any]] = {
    "developer": {"developer_suspended_at": func.now(), "developer_suspension_reason": "Scratches."},
    "operator": {"operator_suspended_at": func.now(), "operator_suspension_reason": "Scratches."},
}


def seen(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@directly
async def test_who_may_not_talk_to_the_cat_is_told_why_and_the_cat_hears_nothing(
    house: House, cat: Cat, home: Home
) -> None:
    player, installed = home
    stranger = await house.register()
    await until_told(house.engine)
    path = f"/api/v1/installations/{installed['id']}/interactions"
    rows: dict[str, tuple[int, str]] = {}

    async def attempt(row: str, *, person: Person | None = player, to: str = path, body: Any = None) -> None:
        body = {"input": 1} if body is None else body
        rows[row] = seen(await house.call("proxy", "POST", to, body, person=person, expect=None))

    async def change(**values: Any) -> None:
        await house.execute(update(Installation).values(**values))

    await attempt("nobody", person=None)
    await attempt("somebody else's", person=stranger)
    await attempt("none", to=f"/api/v1/installations/{uuid.uuid4()}/interactions")
    await attempt("not an id", to="/api/v1/installations/misty/interactions")
    await attempt("nothing said", body={})
    await attempt("too much said", body={"input": "x" * 1024 * 1024})
    await change(status=InstallationStatus.PAUSED)
    await attempt("paused")
    await change(status=InstallationStatus.ACTIVE)
    for hand, values in SUSPENDED.items():
        await change(**values)
        await attempt(f"suspended by {hand}")
        await change(**dict.fromkeys(values))
    await house.execute(
        update(CatRow).values(status="suspended", suspension_reason="Scratches.", status_before_suspension="published")
    )
    await attempt("cat suspended")
    await change(status=InstallationStatus.UNINSTALLED, uninstalled_at=func.now())
    await attempt("uninstalled")
    assert rows == {
        "nobody": (401, "authentication_required"),
        "somebody else's": (404, "not_found"),
        "none": (404, "not_found"),
        "not an id": (422, "validation_failed"),
        "nothing said": (422, "validation_failed"),
        "too much said": (413, "content_too_large"),
        "paused": (409, "installation_paused"),
        "suspended by developer": (423, "installation_suspended"),
        "suspended by operator": (423, "installation_suspended"),
        "cat suspended": (423, "cat_suspended"),
        "uninstalled": (410, "installation_uninstalled"),
    }
    assert not cat.heard


async def test_an_installation_says_no_more_than_its_rate(clean_db: DatabaseUrl) -> None:
    async with inhabited(clean_db, limit_interactions="2/minute") as (house, cat, (player, installed)):
        another = await house.install(player, installed["cat"], instance_name="Fluff")
        for _ in range(2):
            await house.interact(player, installed, 1)
        refused = await house.interact(player, installed, 1, expect=429)
        assert refused.json()["code"] == "rate_limited"
        assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("2", "0")
        assert 55 <= int(refused.headers["retry-after"]) <= 60
        assert len(cat.heard) == 2
        await house.interact(player, another, 1)
        # Who does not have it cannot spend it.
        stranger = await house.register()
        for _ in range(3):
            await house.interact(stranger, another, 1, expect=404)
        await house.interact(player, another, 1)


@pytest.mark.parametrize(
    ("limit", "status", "code"),
    [
        ("MOST_FOR_INSTALLATION", 429, "too_many_at_once"),
        ("MOST_FOR_CAT", 503, "cat_busy"),
        ("MOST_IN_ALL", 503, "house_busy"),
    ],
)
async def test_so_much_at_once_and_no_more_and_places_come_back(
    clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, limit: str, status: int, code: str
) -> None:
    monkeypatch.setattr(interactions, limit, 2)
    async with inhabited(clean_db) as (house, cat, (player, installed)):
        let_go = asyncio.Event()

        async def wait(_request: Request) -> Response:
            await let_go.wait()
            return await cat.answer(_request)

        async def events(_request: Request) -> Response:
            async def one_and_wait() -> AsyncIterator[bytes]:
                yield b"data: 1\n\n"
                await let_go.wait()

            return StreamingResponse(one_and_wait(), media_type="text/event-stream")

        cat.behaviour = events
        async with AsyncExitStack() as stack:
            stack.callback(let_go.set)
            path = f"{house.urls['proxy']}/api/v1/installations/{installed['id']}/interactions"
            headers = {**player.headers, "Accept": "text/event-stream"}
            stream = house.http.stream("POST", path, json={"input": 1}, headers=headers)
            answer = await stack.enter_async_context(stream)
            events_of_it = answer.aiter_bytes()
            await anext(events_of_it)  # a stream counts as long as it is open
            cat.behaviour = wait
            waiting = asyncio.create_task(house.interact(player, installed, 1))
            await until(lambda: len(cat.heard) == 2)
            refused = await house.interact(player, installed, 1, expect=status)
            assert refused.json()["code"] == code
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["proxy-status"] == "cathouse-proxy; error=connection_limit_reached"
            other = await house.install(player, installed["cat"], instance_name="Fluff")
            expected = 200 if limit == "MOST_FOR_INSTALLATION" else status
            cat.behaviour = cat.answer
            await house.interact(player, other, 1, expect=expected)
        await waiting
        for _ in range(3):
            await house.interact(player, installed, 1)


async def test_a_cat_that_fails_is_left_alone_for_a_while_and_no_other_with_it(
    clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakers, "FIRST_PAUSE_S", 1.5)
    async with inhabited(clean_db) as (house, cat, (player, installed)):
        await until_told(house.engine)
        cat.behaviour = respond(500)
        for _ in range(breakers.FAILURES_IN_A_ROW):
            await house.interact(player, installed, 1, expect=502)
        asked = len(cat.heard)
        cat.behaviour = cat.answer
        refused = await house.interact(player, installed, 1, expect=503)
        assert refused.json()["code"] == "breaker_open"
        assert refused.headers["retry-after"] in ("1", "2")
        assert refused.headers["proxy-status"] == "cathouse-proxy; error=destination_unavailable"
        # What it would be told waits as well, and is no attempt.
        body = event(installed["id"])
        result = await deliver(house, body)
        assert outcome(result) == (None, "breaker_open", False, False)
        assert result["retry_after_s"] in (1, 2)
        assert len(cat.heard) == asked
        assert not [each for each in cat.told if json.loads(each[1])["id"] == f"msg_{uuid.UUID(body['event_id']).hex}"]
        developer = await house.register("developer")
        published = await house.publish(developer, endpoint_url=f"{house.cat_url}/")
        neighbour = await house.install(player, published, instance_name="Fluff")
        await house.interact(player, neighbour, 1)
        await asyncio.sleep(1.5)
        await house.interact(player, installed, 1)
        assert (await deliver(house, body))["acknowledged"]


@directly
async def test_what_the_cat_refuses_is_no_failure_of_the_cat(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    for status in (404, 401, 422, 407, 429, 403):
        cat.behaviour = respond(status)
        await house.interact(player, installed, 1, expect=None)
    cat.behaviour = cat.answer
    await house.interact(player, installed, 1)


@directly
async def test_what_we_sent_out_does_not_come_back_to_us(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    path = f"/api/v1/installations/{installed['id']}/interactions"
    for loop in ("cathouse", "somecdn, cathouse; v=1", "CATHOUSE"):
        headers = {**player.headers, "CDN-Loop": loop}
        refused = await house.call("proxy", "POST", path, {"input": 1}, headers=headers, expect=502)
        assert refused.json()["code"] == "proxy_loop_detected"
        assert refused.headers["proxy-status"] == "cathouse-proxy; error=proxy_loop_detected"
    assert not cat.heard
    headers = {**player.headers, "CDN-Loop": "somecdn, cathouse.example"}
    await house.call("proxy", "POST", path, {"input": 1}, headers=headers)
    assert cat.heard[-1][0]["cdn-loop"] == "cathouse"


@directly
async def test_a_cat_that_hangs_in_many_homes_is_told_five_things_at_once(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    await until_told(house.engine)
    let_go = asyncio.Event()

    async def hang(_request: Request) -> Response:
        await let_go.wait()
        return Response()

    cat.when_told = hang
    before = len(cat.told)
    told = [asyncio.create_task(deliver(house, event(installed["id"]))) for _ in range(5)]
    await until(lambda: len(cat.told) == before + 5)
    result = await deliver(house, event(installed["id"]))
    assert (outcome(result), result["retry_after_s"]) == ((None, "cat_busy", False, False), 1)
    # What players say does not wait for it.
    await house.interact(*home, 1)
    let_go.set()
    assert all(each["acknowledged"] for each in await asyncio.gather(*told))


def test_the_numbers_are_those_of_the_design() -> None:
    """design/security.md: 5 at once an installation, 50 a cat, 500 in all; 5 in a row; 30 s, doubling to 5 min."""
    limits = interactions.MOST_FOR_INSTALLATION, interactions.MOST_FOR_CAT, interactions.MOST_IN_ALL
    assert limits == (5, 50, 500)
    assert (breakers.FAILURES_IN_A_ROW, breakers.FEWEST_IN_WINDOW, breakers.WINDOW_S) == (5, 20, 30)
    assert (breakers.FIRST_PAUSE_S, breakers.LONGEST_PAUSE_S) == (30, 300)
    assert (replies.STREAM_IDLE_S, replies.STREAM_TOTAL_S) == (30, 300)
