"""A cat calls a host that its release declares, with credentials that it never sees."""

import asyncio
import base64
from typing import Any

import pytest
from sqlalchemy import update
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cathouse.database import DatabaseUrl
from cathouse.schema import Installation, InstallationStatus, PermissionType
from proxy_service.egress.errors import EgressError
from proxy_service.external import service
from tests.fixtures.house import directly, run_house
from tests.proxy.cats import respond, sleep
from tests.proxy.hosts import BEARER, CALL, CANARY, HERE, Caller, calling
from tests.proxy.reports import reported_calls


async def test_a_call_reaches_the_host_as_the_cat_wrote_it_and_its_answer_comes_back(caller: Caller) -> None:
    host = caller.host
    extra = {
        "etag": '"1"',
        "link": "<x>; rel=next",
        "x_limit": "9",
        "set_cookie": "a=b",
        "location": "/",
        "server": "x",
    }
    host.behaviour = respond(200, '{"say": "Grüße 🐈"}'.encode(), retry_after="7", **extra)
    answer = await caller.call(
        method="POST",
        url=f"{host.url}/v1/ask?city=Z%C3%BCrich&q=a+b",
        headers={"Accept": "application/json", "content-type": "text/plain; charset=utf-8", "X-Trace": "1"},
        body="Grüezi",
        secret="api_key",
    )
    assert answer.json() == {
        "status": 200,
        "headers": {
            "content-type": "application/json",
            "retry-after": "7",
            "etag": '"1"',
            "link": "<x>; rel=next",
            "x-limit": "9",
        },
        "body": '{"say": "Grüße 🐈"}',
        "body_encoding": "utf-8",
    }
    request, body = host.heard[-1]
    assert (request.method, request.url.path, request.url.query) == ("POST", "/v1/ask", "city=Z%C3%BCrich&q=a+b")
    assert body == "Grüezi".encode()
    sent = host.headers
    assert set(sent) == {
        "host",
        "accept",
        "accept-encoding",
        "cdn-loop",
        "content-length",
        "content-type",
        "x-api-key",
        "x-trace",
    }
    assert (sent["x-api-key"], sent["accept"], sent["content-type"]) == (
        CANARY,
        "application/json",
        "text/plain; charset=utf-8",
    )
    await caller.call(secret="sign_in")
    assert host.headers["authorization"] == BEARER
    await caller.call()
    assert CANARY not in str(host.headers)

    items = []
    rows = await reported_calls(caller.house.engine, 3)
    assert [(row.kind, row.status_code, row.proxy_error) for row in rows] == [("external", 200, None)] * 3
    assert (rows[0].bytes_in, rows[0].bytes_out) == (len("Grüezi".encode()), len('{"say": "Grüße 🐈"}'.encode()))
    for _ in range(50):
        path = f"/api/v1/installations/{caller.id}"
        page = await caller.house.call("installation", "GET", f"{path}/activity", person=caller.player)
        items = page.json()["items"]
        if len(items) == 6:
            break
        await asyncio.sleep(0.02)
    uses = [each for each in items if each["type"] == "permission_use"]
    assert [(each["permission_type"], each["action"], each["count"]) for each in uses] == [
        ("external_api", f"GET {HERE}", 1),
        ("external_api", f"GET {HERE}", 1),
        ("external_api", f"POST {HERE}", 1),
    ]
    shown = await caller.house.call("installation", "GET", path, person=caller.player)
    assert shown.json()["last_interaction_at"] is None
    stats = f"/api/v1/cats/{caller.installed['cat']['id']}/stats"
    days = (await caller.house.call("catalog", "GET", stats, person=caller.developer)).json()["days"]
    assert sum(day["interactions"] + day["failures"] for day in days) == 0


@directly
async def test_any_status_and_any_bytes_are_an_answer(caller: Caller) -> None:
    host, binary = caller.host, bytes(range(256))
    for status in (204, 302, 400, 401, 404, 407, 500, 503):
        content = b"" if status == 204 else b"x"
        host.behaviour = respond(status, content, location="/elsewhere", proxy_status="no")
        answer = (await caller.call()).json()
        assert (answer["status"], answer["body"]) == (status, content.decode())
        assert set(answer["headers"]) == {"content-type"}
    assert len(host.heard) == 8, "no redirect is followed"
    host.behaviour = respond(200, binary, content_type="image/png")
    answer = (await caller.call()).json()
    assert (base64.b64decode(answer["body"]), answer["body_encoding"]) == (binary, "base64")
    for method in ("PUT", "PATCH", "DELETE"):
        encoded = base64.b64encode(binary).decode()
        await caller.call(method=method, body=encoded, body_encoding="base64")
        assert (host.heard[-1][0].method, host.heard[-1][1]) == (method, binary)
    answer = (await caller.call(method="HEAD")).json()
    assert (answer["status"], answer["headers"]["content-type"], answer["body"]) == (200, "image/png", "")
    await caller.call(method="POST")
    assert host.headers["content-length"] == "0"


@directly
async def test_what_is_no_call_is_refused_and_says_why(caller: Caller) -> None:
    many = {f"X-{number}": "1" for number in range(21)}
    for wanted, named in (
        ({"method": "TRACE"}, "method"),
        ({"url": ""}, "url"),
        ({"headers": {"Authorization": "x"}}, "Authorization"),
        ({"headers": {"Cookie": "x"}}, "Cookie"),
        ({"headers": {"Host": "x"}}, "Host"),
        ({"headers": {"X-": "x"}}, "X-"),
        ({"headers": {"X-A\r\nHost": "x"}}, "X-A"),
        ({"headers": {"X-A": "x\r\nHost: y"}}, "X-A"),
        ({"headers": {"X-A": "é"}}, "X-A"),
        ({"headers": {"X-A": "x" * 4097}}, "X-A"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "x-a"),
        ({"headers": many}, "headers"),
        ({"body": "a", "body_encoding": "base64"}, "base64"),
        ({"body": "a", "body_encoding": "latin-1"}, "body_encoding"),
        ({"body": 1}, "body"),
        ({"secret": ""}, "secret"),
        ({"more": 1}, "more"),
    ):
        answer = await caller.call(expect=422, **wanted)
        assert answer.json()["code"] == "validation_failed"
        assert named in str(answer.json()["errors"]), wanted
    assert not caller.host.heard
    for url, reason in (
        ("ftp://api.example.com/", "https"),
        ("http://api.example.com/", "https"),
        ("https://api.example.com:8443/", "443"),
        ("https://me:secret@api.example.com/", "password"),
        ("https://api.example.com/#x", "fragment"),
        ("https://10.0.0.1/", "IP address"),
        ("https://2130706433/", "IP address"),
        ("https://cats.internal/", "local network"),
        (f"{caller.house.urls['installation']}/health", "Cat House itself"),
        ("https://api.example.com/" + "x" * 2048, "longer"),
        ("no url", "space"),
    ):
        problem = (await caller.call(expect=422, url=url)).json()
        assert problem["code"] == "url_not_allowed"
        assert reason in problem["detail"], url


@directly
async def test_only_declared_hosts_are_called_however_they_are_written(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (
        "https://example.com/",
        "https://evil-api.example.com/",
        "https://api.example.com.evil.org/",
        f"http://localhost:{caller.host.url.rsplit(':', 1)[1]}/",
    ):
        assert await caller.refused(url=url) == (403, "host_not_declared")
    for url in ("https://API.example.com/", "https://api.example.com./", "https://api.example.com:443/"):
        asked: list[str] = []

        async def look_up(_self: object, host: str, asked: list[str] = asked) -> Any:
            asked.append(host)
            raise EgressError("looked up")

        monkeypatch.setattr("proxy_service.egress.resolver.GuardedResolver._look_up", look_up)
        await caller.call(expect=None, url=url)
        assert asked == ["api.example.com"], url
    names = await caller.refused(url="https://example.com/", secret="api_key")
    assert names == (403, "host_not_declared")


async def test_what_the_player_took_back_holds_at_once(caller: Caller) -> None:
    house, body = caller.house, {"method": "GET", "url": caller.host.url}
    narrow = caller.headers([PermissionType.STORAGE])
    answer = await house.call("proxy", "POST", CALL, body, headers=narrow, expect=403)
    assert (answer.json()["code"], answer.json()["permission_type"]) == ("permission_not_granted", "external_api")
    await house.call("proxy", "POST", CALL, body, expect=401)
    await house.call("proxy", "POST", CALL, body, headers=caller.player.headers, expect=401)
    path = f"/api/v1/installations/{caller.id}"
    for granted, expected in ((False, 403), (True, 200)):
        await house.call(
            "installation", "PUT", f"{path}/permissions/external_api", {"granted": granted}, person=caller.player
        )
        await caller.call(expect=expected)
    await house.call("installation", "POST", f"{path}/pause", person=caller.player)
    answer = await caller.call(expect=401)
    assert answer.json()["code"] == "installation_not_active"
    assert "Bearer" in answer.headers["www-authenticate"]
    await house.call("installation", "POST", f"{path}/resume", person=caller.player)
    admin, cat_id = await house.admin(), caller.installed["cat"]["id"]
    for suspend, lift, service_name in (
        (f"/api/v1/admin/installations/{caller.id}/suspend", "reinstate", "installation"),
        (f"/api/v1/cats/{cat_id}/suspend", "reinstate", "catalog"),
    ):
        await house.call(service_name, "POST", suspend, {"reason": "It scratches."}, person=admin)
        assert await caller.refused() == (401, "installation_not_active")
        await house.call(service_name, "POST", suspend.replace("suspend", lift), person=admin)
        await caller.call()
    await house.call("installation", "DELETE", path, person=caller.player, expect=204)
    assert await caller.refused() == (401, "installation_not_active")


@directly
async def test_a_host_that_misbehaves_gives_a_clear_error_and_is_reported(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TIMEOUT_S", 0.9)
    for behaviour, status, code in (
        (respond(200, b"x" * (5 * 1024 * 1024 + 1)), 502, "answer_too_large"),
        (respond(200, content_encoding="gzip"), 502, "malformed_answer"),
        (sleep, 504, "http_response_timeout"),
    ):
        caller.host.behaviour = behaviour
        answer = await caller.call(expect=status, secret="api_key")
        assert answer.json()["code"] == code
        assert answer.headers["proxy-status"].startswith("cathouse-proxy; error=")
    problem = await caller.call(expect=502, url="http://127.0.0.1:9/")
    assert problem.json()["code"] == "destination_unavailable"
    rows = await reported_calls(caller.house.engine, 4)
    assert [(row.status_code, row.proxy_error) for row in rows] == [
        (502, "http_response_body_size"),
        (502, "http_protocol_error"),
        (504, "http_response_timeout"),
        (502, "destination_unavailable"),
    ]
    caller.host.behaviour = respond(200, b"x" * (5 * 1024 * 1024))
    assert len((await caller.call()).json()["body"]) == 5 * 1024 * 1024


@directly
async def test_a_cat_has_five_calls_at_once_and_leaving_ends_one(caller: Caller) -> None:
    house, asked, gone = caller.house, asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def wait(request: Request) -> Response:
        asked.release()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.release()
        return PlainTextResponse("")

    caller.host.behaviour = wait
    calls = [asyncio.create_task(caller.call(expect=None)) for _ in range(5)]
    for _ in calls:
        await asked.acquire()
    answer = await caller.call(expect=429)
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("too_many_at_once", "1")
    # A place of its own beside what players say.
    await house.interact(caller.player, caller.installed, "hello")
    for each in calls:
        each.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    async with asyncio.timeout(5):  # a third of the exchange's own deadline
        for _ in calls:
            await gone.acquire()
    rows = [row for row in await reported_calls(house.engine, 6) if row.kind == "external"]
    assert [(row.status_code, row.proxy_error) for row in rows] == [(499, "client_left")] * 5
    caller.host.behaviour = respond(200)
    await caller.call()


async def test_an_installation_is_held_to_its_rate_and_a_loop_is_broken(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db, limit_external_calls="2/minute") as house, calling(house, {}) as caller:
        looped = {**caller.headers(), "CDN-Loop": "other, cathouse;v=1"}
        body = {"method": "GET", "url": caller.host.url}
        answer = await house.call("proxy", "POST", CALL, body, headers=looped, expect=502)
        assert answer.json()["code"] == "proxy_loop_detected"
        for _ in range(2):
            await caller.call()
        answer = await caller.call(expect=429)
        assert answer.json()["code"] == "rate_limited"
        assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("2", "0")
        assert 0 < int(answer.headers["retry-after"]) <= 60
        other = await house.install(
            caller.player,
            caller.installed["cat"],
            instance_name="Smoky",
            grants={"storage": True, "external_api": True},
        )
        caller.installed = other
        await caller.call()
        await house.execute(update(Installation).values(status=InstallationStatus.PAUSED))
        assert await caller.refused() == (401, "installation_not_active")
