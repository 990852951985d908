"""A player's secret goes to its host in its header, and nobody else ever sees it."""

import base64
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from sqlalchemy import select, update
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cathouse.database import DatabaseUrl
from cathouse.identity import SecretUnreadableError, SecretWrapper, parse_roots, unwrap_secret
from cathouse.schema import PermissionUse, PlayerSecret
from cathouse.web.observing.logs import configure_logs
from proxy_service.egress.requests import OutsideRequest
from proxy_service.external import service
from proxy_service.external.echoes import REMOVED
from proxy_service.settings import ProxySettings
from tests.fixtures.erasures import everything
from tests.fixtures.house import directly, run_house, settings_for
from tests.proxy.cats import respond, sleep
from tests.proxy.hosts import BEARER, CANARY, ELSEWHERE, GIVEN, HERE, KEY, NEVER_GIVEN, SIGN_IN, Caller, calling
from tests.proxy.reports import reported_calls


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
    rows = await reported_calls(caller.house.engine, 2)
    assert [(row.status_code, row.proxy_error) for row in rows] == [(418, "secret_echoed"), (200, "secret_echoed")]
    caller.host.behaviour = respond(200, CANARY.encode())
    assert (await caller.call()).json()["body"] == CANARY, "without a secret nothing is looked for"


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
        await reported_calls(house.engine, 8)
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
