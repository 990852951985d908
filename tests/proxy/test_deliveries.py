"""Telling a cat what became of an installation: what it is told, by whom, and what comes of it."""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response

from cathouse.identity import KeyUse, derive, parse_roots, read_callback_token
from cathouse.schema import Cat as CatRow
from cathouse.schema import (
    Installation,
    InstallationStatus,
    LifecycleEventType,
    PermissionType,
    PlayerAlias,
    Release,
)
from tests.fixtures.erasures import service_headers
from tests.fixtures.house import PLATFORM_SECRET, House, directly
from tests.proxy.cats import Behaviour, Cat, Home, drip, respond, sleep
from tests.proxy.deliveries import DELIVERIES, deliver, event, outcome


def attempts(cat: Cat, body: Mapping[str, Any]) -> list[tuple[dict[str, str], bytes]]:
    """What the cat was told of this event: installation-service tells it of events of its own."""
    message_id = f"msg_{uuid.UUID(body['event_id']).hex}"
    return [each for each in cat.told if each[0]["webhook-id"] == message_id]


@pytest.mark.parametrize("kind", LifecycleEventType)
@directly
async def test_the_envelope_is_an_interactions_without_input(house: House, cat: Cat, home: Home, kind: str) -> None:
    player, installed = home
    body = event(installed["id"], kind)
    assert outcome(await deliver(house, body)) == (204, None, True, False)
    ((headers, raw),) = attempts(cat, body)
    assert set(headers) == {
        "host",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "cdn-loop",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
    message = json.loads(raw)
    callback = message.pop("callback")
    with house.engine.connect() as connection:
        alias = connection.scalar(select(PlayerAlias.alias))
    assert message == {
        "type": kind,
        "id": headers["webhook-id"],
        "created_at": "2026-11-25T12:00:00.123456Z",
        "cat": {"id": installed["cat"]["id"], "version": "1.0.0"},
        "installation": {"id": installed["id"], "instance_name": "Misty", "config": {}},
        "player": {"id": str(alias), "nickname": None, "timezone": "UTC"},
        "permissions": ["storage"],
    }
    assert set(callback) == {"installation_url", "proxy_url", "token", "expires_at"}
    assert (callback["installation_url"], callback["proxy_url"]) == (house.urls["installation"], house.urls["proxy"])
    everything = json.dumps([headers, message])
    for private in (str(player.id), player.email):
        assert private not in everything


async def test_every_attempt_is_the_same_message_with_a_signature_and_a_token_of_its_own(
    house: House, cat: Cat, home: Home
) -> None:
    _, installed = home
    body = event(installed["id"])
    webhook = Webhook(house.cat_secrets[installed["cat"]["slug"]])
    for _ in range(2):
        before = int(time.time())
        assert (await deliver(house, body))["acknowledged"]
        headers, raw = attempts(cat, body)[-1]
        webhook.verify(raw, headers)
        assert before <= int(headers["webhook-timestamp"]) <= time.time()
        with pytest.raises(Exception, match="signature"):
            webhook.verify(raw.replace(b"Misty", b"Fluff"), headers)
    (first, second) = attempts(cat, body)
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[0]["webhook-signature"] != second[0]["webhook-signature"]
    tokens = [json.loads(raw)["callback"]["token"] for _, raw in (first, second)]
    assert tokens[0] != tokens[1]
    others = [{**json.loads(raw), "callback": None} for _, raw in (first, second)]
    assert others[0] == others[1]


async def test_the_token_may_what_is_granted_and_works(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    path = f"/api/v1/installations/{installed['id']}/permissions/notification"
    for granted, scopes in (
        (True, {PermissionType.STORAGE, PermissionType.NOTIFICATION}),
        (False, {PermissionType.STORAGE}),
    ):
        await house.call("installation", "PUT", path, {"granted": granted}, person=player)
        body = event(installed["id"], LifecycleEventType.PERMISSIONS_CHANGED)
        await deliver(house, body)
        message = json.loads(attempts(cat, body)[-1][1])
        callback = message["callback"]
        token = read_callback_token(callback["token"], derive(parse_roots(PLATFORM_SECRET), KeyUse.CALLBACK_TOKENS))
        assert token.scopes == scopes
        assert message["permissions"] == sorted(scopes)
        assert (str(token.installation_id), str(token.cat_id)) == (installed["id"], installed["cat"]["id"])
        assert dt.datetime.fromisoformat(callback["expires_at"]) == token.expires_at
        answer = await house.http.put(
            f"{callback['installation_url']}/api/v1/cat/storage/greeted",
            json=granted,
            headers={"Authorization": f"Bearer {callback['token']}"},
        )
        assert answer.is_success


@directly
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (LifecycleEventType.PAUSED, {"status": InstallationStatus.PAUSED}),
        (
            LifecycleEventType.SUSPENDED,
            {"developer_suspended_at": func.now(), "developer_suspension_reason": "Scratches."},
        ),
        (
            LifecycleEventType.SUSPENDED,
            {"operator_suspended_at": func.now(), "operator_suspension_reason": "Scratches."},
        ),
        (LifecycleEventType.UNINSTALLED, {"status": InstallationStatus.UNINSTALLED, "uninstalled_at": func.now()}),
        # What counts is what is so now, not what the event was about.
        (LifecycleEventType.RESUMED, {"status": InstallationStatus.PAUSED}),
    ],
)
async def test_a_cat_is_told_of_what_is_not_active_and_cannot_call_back(
    house: House, cat: Cat, home: Home, kind: str, values: dict[str, Any]
) -> None:
    _, installed = home
    await house.execute(update(Installation).values(**values))
    body = event(installed["id"], kind)
    assert (await deliver(house, body))["acknowledged"]
    message = json.loads(attempts(cat, body)[-1][1])
    assert message["callback"] is None
    assert message["player"] is not None
    assert message["type"] == kind


@directly
async def test_whoever_was_erased_is_nobody_to_the_cat(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    await house.execute(delete(PlayerAlias))
    body = event(installed["id"], LifecycleEventType.UNINSTALLED)
    assert (await deliver(house, body))["acknowledged"]
    message = json.loads(attempts(cat, body)[-1][1])
    assert message["player"] is None
    assert "UTC" not in json.dumps(message)


@directly
@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (respond(200), (200, None, True, False)),
        (respond(202, b""), (202, None, True, False)),
        (respond(200, b"purr", content_type="text/plain"), (200, None, True, False)),
        (respond(200, b"x" * (6 * 1024 * 1024)), (200, None, True, False)),
        (respond(400), (400, None, False, False)),
        (respond(404), (404, None, False, False)),
        (respond(410), (410, None, False, True)),
        (respond(429), (429, None, False, False)),
        (respond(302, location="http://127.0.0.1/"), (302, "http_response_status", False, False)),
        (respond(401), (401, "http_response_status", False, False)),
        (respond(407), (407, "http_response_status", False, False)),
        (respond(500), (500, "http_response_status", False, False)),
        (respond(503), (503, "http_response_status", False, False)),
        (respond(200, content_encoding="gzip"), (None, "http_protocol_error", False, False)),
        (drip, (200, None, True, False)),
        (sleep, (None, "http_response_timeout", False, False)),
    ],
)
async def test_whatever_the_cat_does_is_a_result(
    house: House, cat: Cat, home: Home, behaviour: Behaviour, expected: tuple[Any, ...]
) -> None:
    _, installed = home
    slow = behaviour in (drip, sleep)
    await house.execute(update(Release).values(timeout_s=1 if slow else 10))
    cat.when_told = behaviour
    body = event(installed["id"])
    started = time.monotonic()
    result = await deliver(house, body)
    taken_ms = (time.monotonic() - started) * 1000
    assert outcome(result) == expected
    assert len(attempts(cat, body)) == 1
    assert 1000 * slow <= result["duration_ms"] + 1 <= taken_ms + 1 < 2900


@directly
@pytest.mark.parametrize(
    ("endpoint_url", "proxy_error"),
    [
        ("http://127.0.0.1:9/", "destination_unavailable"),
        ("https://nobody.example.invalid/", "destination_unavailable"),
        ("http://169.254.169.254/latest", "destination_unavailable"),
        ("TLS", "tls_certificate_error"),
    ],
)
async def test_a_cat_that_cannot_be_reached_is_a_result(
    house: House, cat: Cat, home: Home, endpoint_url: str, proxy_error: str
) -> None:
    _, installed = home
    url = house.cat_url.replace("http://127.0.0.1", "https://localhost") if endpoint_url == "TLS" else endpoint_url
    await house.execute(update(Release).values(endpoint_url=url))
    assert outcome(await deliver(house, event(installed["id"]))) == (None, proxy_error, False, False)


@directly
async def test_a_suspended_cat_is_told_nothing(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    admin = await house.admin()
    path = f"/api/v1/cats/{installed['cat']['id']}/suspend"
    await house.call("catalog", "POST", path, {"reason": "It scratches."}, person=admin)
    body = event(installed["id"], LifecycleEventType.UNINSTALLED)
    result = await deliver(house, body)
    assert outcome(result) == (None, "cat_suspended", False, False)
    assert result["duration_ms"] == 0
    assert not attempts(cat, body)


@directly
async def test_without_a_release_there_is_nobody_to_tell(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    await house.execute(update(Release).values(published_at=None))
    body = event(installed["id"])
    assert outcome(await deliver(house, body)) == (None, "no_release", False, False)
    assert not attempts(cat, body)


@directly
async def test_of_an_unknown_installation_nobody_is_told_ever(house: House) -> None:
    result = await deliver(house, event(str(uuid.uuid4())))
    assert outcome(result) == (None, "unknown_installation", False, True)


@directly
async def test_a_root_that_was_retired_is_our_own_failure(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    await house.execute(update(CatRow).values(signing_root="gone"))
    body = event(installed["id"])
    headers = service_headers(KeyUse.INSTALLATION_TO_PROXY, caller="installation", callee="proxy")
    answer = await house.call("proxy", "POST", DELIVERIES, body, headers=headers, expect=None)
    assert (answer.status_code, answer.json()["code"]) == (503, "signing_root_retired")
    assert not attempts(cat, body)


async def test_no_connection_is_held_while_the_cat_takes_its_time(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    in_use: list[int] = []
    health = f"{house.urls['proxy']}/health/db"

    async def look(_request: Request) -> Response:
        # Another delivery, or the look itself, may have it for a moment; one that is held would be in use all the time.
        for _ in range(50):
            in_use.append((await house.http.get(health)).json()["pool"]["in_use"])
            if in_use[-1] == 0:
                break
            await asyncio.sleep(0.02)
        return Response()

    cat.when_told = look
    assert (await deliver(house, event(installed["id"])))["acknowledged"]
    assert 0 in in_use


@directly
async def test_only_installation_service_may_have_something_delivered(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    admin = await house.admin()
    body = event(installed["id"])
    for headers in (
        {},
        player.headers,
        admin.headers,
        service_headers(KeyUse.CATALOG_TO_PROXY, caller="catalog", callee="proxy"),
        service_headers(KeyUse.CATALOG_TO_PROXY, caller="installation", callee="proxy"),
        service_headers(KeyUse.INSTALLATION_TO_PROXY, caller="catalog", callee="proxy"),
        service_headers(KeyUse.INSTALLATION_TO_PROXY, caller="installation", callee="auth"),
        service_headers(KeyUse.INSTALLATION_TO_AUTH, caller="installation", callee="proxy"),
    ):
        await house.call("proxy", "POST", DELIVERIES, body, headers=headers, expect=401)
    assert not attempts(cat, body)


@directly
@pytest.mark.parametrize(
    "changes",
    [
        {"event": "interaction"},
        {"event": "installation.eaten"},
        {"event_id": "x"},
        {"created_at": "2026-11-25T14:00:00"},
        {"created_at": 1},
        {"installation_id": None},
        {"more": 1},
    ],
)
async def test_what_is_no_delivery_is_refused(house: House, changes: dict[str, Any]) -> None:
    headers = service_headers(KeyUse.INSTALLATION_TO_PROXY, caller="installation", callee="proxy")
    body = {**event(str(uuid.uuid4())), **changes}
    await house.call("proxy", "POST", DELIVERIES, body, headers=headers, expect=422)
