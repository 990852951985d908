"""A cat calls a host that its release declares, with credentials that it never sees."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, select, update
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from cathouse.database import DatabaseUrl
from cathouse.identity import SecretUnreadableError, SecretWrapper, parse_roots, unwrap_secret
from cathouse.schema import Installation, InstallationStatus, Interaction, PermissionType, PermissionUse, PlayerSecret
from cathouse.web.observing.logs import configure_logs
from proxy_service.egress.errors import EgressError
from proxy_service.egress.requests import OutsideRequest
from proxy_service.external import service
from proxy_service.external.echoes import REMOVED
from proxy_service.settings import ProxySettings
from tests.fixtures.erasures import everything
from tests.fixtures.house import House, directly, run_house, settings_for
from tests.proxy.cats import respond, sleep
from tests.proxy.hosts import CALL, HERE, Caller, calling, secret

CANARY = "quillfeather/+42=canary"
BEARER = f"Bearer {CANARY}"
KEY = secret("api_key", "X-Api-Key")
SIGN_IN = secret("sign_in", "Authorization")
ELSEWHERE = secret("elsewhere", "X-Other-Key", "other.example.com")
NEVER_GIVEN = secret("never_given", "X-Third-Key")
GIVEN = {"api_key": CANARY, "sign_in": BEARER, "elsewhere": CANARY}


@pytest.fixture
async def caller(house: House) -> AsyncIterator[Caller]:
    async with calling(house, GIVEN, KEY, SIGN_IN, ELSEWHERE, NEVER_GIVEN) as ready:
        yield ready


async def reported(engine: Engine, count: int) -> Sequence[Any]:
    """The kept external calls, oldest first, when so many reports have arrived."""
    for _ in range(200):
        with engine.connect() as connection:
            rows = connection.execute(select(Interaction).order_by(Interaction.at)).all()
        if len(rows) >= count:
            return rows
        await asyncio.sleep(0.02)
    raise AssertionError(f"{len(rows)} reports arrived")


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
    rows = await reported(caller.house.engine, 3)
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


@directly
async def test_a_secret_goes_where_the_release_says_and_nowhere_else(caller: Caller) -> None:
    assert await caller.refused(secret="made_up") == (403, "secret_not_declared")
    assert await caller.refused(secret="elsewhere") == (403, "secret_not_for_host")
    assert await caller.refused(secret="never_given") == (409, "secret_not_set")
    assert await caller.refused(secret="api_key", headers={"x-API-key": "own"}) == (422, "secret_header_taken")
    await caller.call(secret="sign_in", headers={"X-Api-Key": "own"})
    assert (caller.host.headers["x-api-key"], caller.host.headers["authorization"]) == ("own", BEARER)
    house = caller.house
    path = f"/api/v1/installations/{caller.id}/secrets/api_key"
    await house.call("installation", "DELETE", path, person=caller.player, expect=204)
    assert await caller.refused(secret="api_key") == (409, "secret_not_set")
    for values in ({"key_id": "r0"}, {"wrapped_value": b"x" * 40, "key_id": "r1"}, {"wrapped_value": b""}):
        await house.execute(update(PlayerSecret).where(PlayerSecret.name == "sign_in").values(values))
        assert await caller.refused(secret="sign_in") == (409, "secret_unreadable")


def test_a_wrapped_secret_opens_under_its_own_key_name_and_installation_only() -> None:
    keys, other = parse_roots("r2:" + "b" * 40 + ",r1:" + "a" * 40), parse_roots("r2:" + "c" * 40)
    keys, other = (type(each)(tuple((name, key[:32]) for name, key in each)) for each in (keys, other))
    installation_id = uuid.uuid4()
    wrapped = SecretWrapper(keys).wrap(CANARY, installation_id=installation_id, name="api_key")
    known = {"key_id": "r2", "installation_id": installation_id, "name": "api_key"}
    assert unwrap_secret(keys, wrapped, **known) == CANARY  # type: ignore[arg-type]  # by name
    for ring, value, changes in (
        (other, wrapped, {}),
        (keys, wrapped, {"key_id": "r1"}),
        (keys, wrapped, {"key_id": "r0"}),
        (keys, wrapped, {"name": "other"}),
        (keys, wrapped, {"installation_id": uuid.uuid4()}),
        (keys, wrapped[:-1], {}),
        (keys, b"", {}),
    ):
        with pytest.raises(SecretUnreadableError) as raised:
            unwrap_secret(ring, value, **{**known, **changes})  # type: ignore[arg-type]  # by name
        assert CANARY not in repr(raised.value)
        assert raised.value.members == {"secret": {**known, **changes}["name"]}
        assert raised.value.__cause__ is None


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


def canary_forms() -> list[str]:
    raw = CANARY.encode()
    return [
        CANARY,
        raw.hex(),
        base64.b64encode(raw).decode(),
        "quillfeather%2F%2B42%3Dcanary",
        "quillfeather\\/+42=canary",
    ]


async def in_drops(request: Request) -> Response:
    """Sends back what it was sent, a byte at a time, in the body and in headers."""

    async def drops() -> AsyncIterator[bytes]:
        for byte in f"you sent {request.headers['authorization']} | {' | '.join(canary_forms())}".encode():
            yield bytes([byte])

    headers = {"x-you-sent": request.headers["authorization"], "etag": f'"{canary_forms()[1]}"', "x-other": "1"}
    return StreamingResponse(drops(), 418, headers, "text/plain")


async def in_binary(request: Request) -> Response:
    return Response(b"\xff\xfe" + request.headers["authorization"].encode() + b"\x00", media_type="image/png")


@directly
async def test_a_secret_that_is_echoed_never_reaches_the_cat(caller: Caller) -> None:
    caller.host.behaviour = in_drops
    with structlog.testing.capture_logs() as logged:
        answer = await caller.call(secret="sign_in")
        caller.host.behaviour = in_binary
        binary = (await caller.call(secret="sign_in")).json()
    received = answer.json()
    assert received["status"] == 418
    assert received["body"] == f"you sent {' | '.join([REMOVED] * (1 + len(canary_forms())))}"
    assert received["headers"]["x-you-sent"] == REMOVED
    assert received["headers"]["etag"] == f'"{REMOVED}"'
    assert received["headers"]["x-other"] == "1"
    assert base64.b64decode(binary["body"]) == b"\xff\xfe" + REMOVED.encode() + b"\x00"
    warnings = [each for each in logged if each["event"] == "external.secret_echoed"]
    ids = {"installation_id": str(caller.id), "cat_id": caller.installed["cat"]["id"], "host": HERE}
    assert [{name: each[name] for name in ids} for each in warnings] == [ids, ids]
    assert all(each["log_level"] == "warning" for each in warnings)
    assert not [form for form in canary_forms() if form in str(logged)]
    rows = await reported(caller.house.engine, 2)
    assert [(row.status_code, row.proxy_error) for row in rows] == [(418, "secret_echoed"), (200, "secret_echoed")]
    caller.host.behaviour = respond(200, CANARY.encode())
    assert (await caller.call()).json()["body"] == CANARY, "without a secret nothing is looked for"


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
    rows = await reported(caller.house.engine, 4)
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
    rows = [row for row in await reported(house.engine, 6) if row.kind == "external"]
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


@pytest.fixture
def uncached_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test log as the services do, but so that the tests after it need not."""
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))


@pytest.mark.usefixtures("uncached_loggers")
@pytest.mark.parametrize("environment", ["development", "production"])
async def test_no_secret_reaches_a_log_an_answer_or_a_table(
    clean_db: DatabaseUrl, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    answers: list[str] = []
    monkeypatch.setattr(service, "TIMEOUT_S", 0.3)
    values = settings_for("proxy", clean_db, {}, log_level="DEBUG")

    async def broken(_self: object, *_: object, **__: object) -> Any:
        raise RuntimeError("something that nobody thought of")

    async with run_house(clean_db) as house, calling(house, GIVEN, KEY, SIGN_IN, ELSEWHERE, NEVER_GIVEN) as caller:
        configure_logs(ProxySettings(**values).model_copy(update={"environment": environment}), "proxy")

        async def call(**wanted: Any) -> None:
            answer = await caller.call(expect=None, **wanted)
            answers.append(f"{answer.text} {dict(answer.headers)}")

        for behaviour in (
            in_drops,
            in_binary,
            respond(500, CANARY.encode()),
            respond(200, CANARY.encode(), content_encoding="gzip"),
            respond(200, x_echo=f"{CANARY}é"),
            respond(302, location=CANARY),
            sleep,
        ):
            caller.host.behaviour = behaviour
            await call(secret="sign_in")
        for name in (*GIVEN, "never_given", "made_up"):
            await call(secret=name, url="http://127.0.0.1:9/")
            await call(secret=name, headers={"X-Api-Key": "own"}, body="x", method="POST")
        for where in ("Exchange.head", "Exchange.chunks"):
            with monkeypatch.context() as patch:
                patch.setattr(f"proxy_service.egress.exchange.{where}", broken)
                await call(secret="sign_in")
        with monkeypatch.context() as patch:
            patch.setattr("proxy_service.external.service.Echoes.remove", broken)
            await call(secret="sign_in")
        await house.execute(update(PlayerSecret).values(key_id="r0"))
        await call(secret="sign_in")
        await reported(house.engine, 8)
        with house.engine.connect() as connection:
            assert connection.scalars(select(PermissionUse.action)).first()
        rows = everything(house.engine)
    logged = "".join(capfd.readouterr())
    assert "external.secret_echoed" in logged
    assert "something that nobody thought of" in logged
    assert len(answers) > 20
    for form in (*canary_forms(), f"{CANARY}é"):
        assert form not in logged
        assert not [answer for answer in answers if form in answer]
        assert not [row for row in rows if form in row]


def test_nothing_that_carries_a_secret_shows_it() -> None:
    carried = service._Secret("X-Api-Key", CANARY)
    request = OutsideRequest(uuid.uuid4(), "https://api.example.com/", {"X-Api-Key": CANARY}, CANARY.encode())
    assert CANARY not in repr([carried, request])
