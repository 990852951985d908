"""A developer's own look at a cat: what a ping says of each phase, and what it keeps to itself."""

import json
from typing import Any

import pytest
from sqlalchemy import update
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cathouse.schema import Cat as CatRow
from cathouse.schema import Release
from tests.fixtures.house import House, Person, directly
from tests.fixtures.ports import free_port
from tests.proxy.cats import Cat, respond

PHASES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms")


async def ping(house: House, person: Person, cat_id: str, *, expect: int = 200) -> dict[str, Any]:
    answer = await house.call("proxy", "POST", f"/api/v1/cats/{cat_id}/test", person=person, expect=expect)
    result: dict[str, Any] = answer.json()
    return result


@directly
async def test_a_ping_shows_how_long_each_phase_took_and_why_it_failed(house: House, cat: Cat) -> None:
    developer = await house.register("developer")
    draft = await house.draft(developer, endpoint_url=f"{house.cat_url}/", timeout_s=1)
    result = await ping(house, developer, draft["id"])
    assert (result["ok"], result["status_code"], result["cause"]) == (True, 200, None)
    timings = result["timings"]
    assert timings["tls_ms"] is None  # http, in development
    measured = [timings[phase] for phase in PHASES if phase != "tls_ms"]
    assert all(each >= 0 for each in measured)
    assert sum(measured) <= timings["total_ms"] < 1000
    headers, body = cat.heard[-1]
    message = json.loads(body)
    assert set(message) == {"type", "id", "created_at", "cat"}
    assert (message["type"], message["id"]) == ("ping", headers["webhook-id"])
    assert message["cat"] == {"id": draft["id"], "version": "1.0.0"}
    assert headers["webhook-signature"].startswith("v1,")

    causes: dict[str, tuple[int | None, str]] = {}

    async def slow(_request: Request) -> Response:
        return await respond(200, b" " * 6 * 1024 * 1024)(_request)

    for name, behaviour in {
        "400": respond(400),
        "404": respond(404),
        "500": respond(500),
        "302": respond(302, location="/elsewhere"),
        "gzip": respond(content_encoding="gzip"),
        "large": slow,
    }.items():
        cat.behaviour = behaviour
        result = await ping(house, developer, draft["id"])
        assert not result["ok"]
        assert result["timings"]["first_byte_ms"] is not None
        causes[name] = (result["status_code"], result["cause"])
    expected = "The endpoint answered with status 400; any 2xx is expected."
    assert causes == {
        "400": (
            400,
            f"{expected} If it refused the signature: compare its secret with the one that the catalog shows.",
        ),
        "404": (404, expected.replace("400", "404")),
        "500": (500, "The cat answered with status 500."),
        "302": (302, "The cat answered with status 302; redirects are not followed."),
        "gzip": (None, "The endpoint compressed its answer although identity was asked for."),
        "large": (200, "The endpoint's answer has more than 5 MiB."),
    }


@directly
async def test_three_ways_not_to_be_there_look_alike(house: House, cat: Cat) -> None:
    developer = await house.register("developer")
    draft = await house.draft(developer, endpoint_url=f"{house.cat_url}/")
    nowhere = f"http://127.0.0.1:{free_port()}/"
    results = []
    for url in (nowhere, "https://nobody.example.invalid/", "http://169.254.169.254/latest/"):
        await house.execute(update(Release).values(endpoint_url=url))
        result = await ping(house, developer, draft["id"])
        total = result["timings"].pop("total_ms")
        assert 500 <= total < 990
        results.append(result)
    assert results[0] == results[1] == results[2]
    assert results[0] == {
        "ok": False,
        "status_code": None,
        "timings": dict.fromkeys(PHASES),
        "cause": "The endpoint's host cannot be reached: its name, its address or its port does not answer.",
    }


@directly
async def test_only_the_owner_pings_and_not_without_end(house: House, cat: Cat) -> None:
    developer, other, player = [await house.register(role) for role in ("developer", "developer", "player")]
    draft = await house.draft(developer, endpoint_url=f"{house.cat_url}/")
    for person, status in ((other, 404), (player, 403), (None, 401)):
        await house.call("proxy", "POST", f"/api/v1/cats/{draft['id']}/test", person=person, expect=status)
    assert not cat.heard
    # A cat that fails can be looked at as often as the rate allows, breaker or not.
    cat.behaviour = respond(500)
    for _ in range(10):
        assert (await ping(house, developer, draft["id"]))["status_code"] == 500
    refused = await ping(house, developer, draft["id"], expect=429)
    assert refused["code"] == "rate_limited"
    await house.execute(
        update(CatRow).values(status="suspended", suspension_reason="Scratches.", status_before_suspension="published")
    )
    assert (await ping(house, developer, draft["id"], expect=423))["code"] == "cat_suspended"


@directly
async def test_the_newest_release_is_pinged_published_or_not(house: House, cat: Cat) -> None:
    developer = await house.register("developer")
    published = await house.publish(developer, endpoint_url=f"{house.cat_url}/")
    release = {"version": "1.10.0", "endpoint_url": f"{house.cat_url}/", "permissions": [], "changelog": "New."}
    await house.call(
        "catalog", "POST", f"/api/v1/cats/{published['id']}/releases", release, person=developer, expect=201
    )
    await ping(house, developer, published["id"])
    assert cat.message["cat"]["version"] == "1.10.0"


@pytest.fixture(autouse=True)
def _plain(cat: Cat) -> None:
    async def answer(_request: Request) -> Response:
        return JSONResponse({})

    cat.behaviour = answer
