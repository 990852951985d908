"""Secrets are planted along the whole journey, and looked for in logs, spans, metrics, errors and the audit."""

import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import structlog
from pydantic import HttpUrl
from sqlalchemy import text

from auth_service.settings import AuthSettings
from cathouse.database import DatabaseUrl
from cathouse.web import SERVICES
from cathouse.web.observing.logs import configure_logs
from tests.factories.accounts import PASSWORD
from tests.fixtures.cat_calls import STORAGE
from tests.fixtures.collector import collecting
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET, House, run_house, settings_for
from tests.proxy.hosts import Caller, calling, secret

SAID = "quillfeather: said to a cat"
STORED = "quillfeather: kept by a cat"
KEY_OF_PLAYER = "quillfeather-of-the-player"
ASKED = "quillfeather, asked outside"
WRONG = "quillfeather, where something else belongs"


async def the_journey(house: House, caller: Caller, errors: list[str]) -> set[str]:
    """Every kind of call, right and wrong; what is returned are the secrets on its way."""

    async def call(service: str, method: str, path: str, body: Any = None, **how: Any) -> httpx.Response:
        answer = await house.call(service, method, path, body, expect=None, **how)
        if answer.is_error:
            errors.append(f"{answer.text} {dict(answer.headers)}")
        return answer

    player, installed = caller.player, caller.installed
    interactions = f"/api/v1/installations/{installed['id']}/interactions"
    cat_headers = caller.headers()
    await call("proxy", "POST", interactions, {"input": SAID}, person=player)
    await call("proxy", "POST", interactions, {"input": SAID, "accept": WRONG}, person=player)
    await call("proxy", "POST", interactions, {"input": SAID}, headers={"Authorization": f"Bearer {WRONG[:12]}"})
    await call("installation", "PUT", f"{STORAGE}/key", STORED, headers=cat_headers)
    await call("installation", "PUT", f"{STORAGE}/key", STORED, headers={**cat_headers, "If-Match": WRONG})
    await call("installation", "PUT", f"{STORAGE}/key", STORED, headers={"Authorization": f"{cat_headers} {WRONG}"})
    await call("installation", "PATCH", f"/api/v1/installations/{installed['id']}", {"config": WRONG}, person=player)
    outside = {"method": "POST", "url": f"{caller.host.url}/?q={quote(ASKED)}", "body": ASKED, "secret": "api_key"}
    await call("proxy", "POST", "/api/v1/cat/external", outside, headers=cat_headers)
    await call("proxy", "POST", "/api/v1/cat/external", {**outside, "url": WRONG}, headers=cat_headers)
    await call("catalog", "GET", f"/api/v1/cats?search={WRONG}&cursor={WRONG}")
    await call("catalog", "POST", "/api/v1/cats", {"name": WRONG}, person=player)
    login = {"email": player.email, "password": PASSWORD}
    tokens = (await call("auth", "POST", "/api/v1/auth/login", login)).json()
    await call("auth", "POST", "/api/v1/auth/login", {**login, "password": WRONG})
    await call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    await call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": f"{tokens['refresh_token']}{WRONG}"})
    return {
        "quillfeather",
        PASSWORD,
        JWT_SECRET,
        PLATFORM_SECRET.split(":")[1],
        *(given for each in (tokens, player.tokens) for given in (each["access_token"], each["refresh_token"])),
        cat_headers["Authorization"].removeprefix("Bearer "),
        *house.cat_secrets.values(),
        *(whsec.removeprefix("whsec_") for whsec in house.cat_secrets.values()),
    }


def around(secret_: str, text_: str) -> str:
    """Where it was told."""
    at = text_.index(secret_)
    return text_[max(0, at - 200) : at + len(secret_)]


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_no_secret_is_told_on_the_whole_journey(
    clean_db: DatabaseUrl,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
) -> None:
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))
    settings = AuthSettings(**settings_for("auth", clean_db, {}, log_level="DEBUG"))
    errors: list[str] = []
    async with collecting() as collector:
        async with run_house(clean_db, otel_exporter_otlp_endpoint=HttpUrl(collector.url)) as house:
            configure_logs(settings.model_copy(update={"environment": environment}), "auth")
            async with calling(house, {"api_key": KEY_OF_PLAYER}, secret("api_key", "X-Api-Key")) as caller:
                secrets = await the_journey(house, caller, errors)
                assert KEY_OF_PLAYER in caller.host.headers.values()
            shown = [(await house.call(service, "GET", "/metrics")).text for service in SERVICES]
            with house.engine.connect() as connection:
                audit = [str(row) for row in connection.execute(text("SELECT * FROM cathouse.audit_events"))]
        told = {
            "logs": "".join(capfd.readouterr()),
            "spans": "".join(body.decode("latin-1") for body in collector.bodies),
            "metrics": "".join(shown),
            "errors": "".join(errors),
            "audit": "".join(audit),
        }
    assert len(errors) >= 9
    assert all(told.values())
    assert [
        f"{place}: {around(each, text_)}" for place, text_ in told.items() for each in secrets if each in text_
    ] == []
    people = {str(caller.player.id), str(caller.developer.id)}
    assert [(place, each) for place in ("logs", "spans", "metrics") for each in people if each in told[place]] == []
    assert all(uuid.UUID(each).hex not in told["spans"] for each in people)
    assert "user=" in told["logs"] or '"user": ' in told["logs"]
