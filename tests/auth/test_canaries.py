"""Secrets are planted in every call of auth-service, and looked for in logs, errors, the audit and the tables."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pyotp
import pytest
import structlog
from sqlalchemy import text

from auth_service.jwt_secrets import JwtSecrets
from auth_service.settings import AuthSettings
from cathouse.database import DatabaseUrl
from cathouse.web.observing.logs import configure_logs
from tests.factories.accounts import registration
from tests.fixtures.erasures import everything
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET, House, run_house, settings_for

AUTH = "/api/v1/auth"
ME = "/api/v1/users/me"
PASSWORD = "quillfeather horse battery"
NEW_PASSWORD = "quillfeather staple battery"
MAIL_PASSWORD = "quillfeather-of-the-mail-server"


class Planter:
    """Calls auth-service with secrets, remembers each, and keeps every answer that is an error."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.secrets: set[str] = {PASSWORD, NEW_PASSWORD, MAIL_PASSWORD, JWT_SECRET, PLATFORM_SECRET.split(":")[1]}
        self.errors: list[str] = []
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """One request; what its answer gives out is secret from now on."""
        answer = await self.house.call("auth", method, path, body, headers=self.headers, expect=None)
        if answer.is_error:
            self.errors.append(f"{answer.text} {dict(answer.headers)}")
            return {}
        given: dict[str, Any] = answer.json() if answer.content else {}
        for name in ("access_token", "refresh_token", "key", "secret", "otpauth_url"):
            self.plant(given.get(name))
        for code in given.get("recovery_codes", ()):
            self.plant(code)
        return given

    def plant(self, secret: str | None) -> None:
        """Look for ``secret`` and, of a token, for its signature as well."""
        if secret is not None:
            self.secrets |= {secret, secret.rsplit(".", 1)[-1]}

    def mailed(self, kind: str) -> str:
        """The token of the newest mail of a kind."""
        with self.house.engine.connect() as connection:
            query = text("SELECT id, wrapped FROM cathouse.mails WHERE kind = :kind ORDER BY created_at DESC LIMIT 1")
            mail = connection.execute(query, {"kind": kind}).one()
        opened = JwtSecrets.parse(JWT_SECRET).current.unwrap(mail.wrapped, bound_to=f"mail:{mail.id}")
        token = str(json.loads(opened)["parameters"]["token"])
        self.plant(token)
        return token

    def use(self, tokens: Mapping[str, Any]) -> None:
        """Go on as who logged in."""
        self.headers = {"Authorization": f"Bearer {tokens['access_token']}"}


async def the_whole_of_it(planter: Planter) -> None:
    """Every call, right and wrong."""
    call = planter.call
    body = registration(password=PASSWORD, role="developer")
    email = body["email"]
    await call("POST", f"{AUTH}/register", body)
    await call("POST", f"{AUTH}/register", body)
    await call("POST", f"{AUTH}/register", {**body, "password": PASSWORD[:7]})
    await call("POST", f"{AUTH}/register", {**body, "email": PASSWORD, "is_active": PASSWORD})
    await call("POST", f"{AUTH}/login", {"email": email, "password": PASSWORD, "totp_code": f"{PASSWORD}x" * 9})
    await call("POST", f"{AUTH}/login", {"email": email, "password": NEW_PASSWORD})
    planter.use(await call("POST", f"{AUTH}/login", {"email": email, "password": PASSWORD}))
    await call("POST", f"{AUTH}/email/verify", {"token": planter.mailed("verify_email")})
    given = await call("POST", f"{ME}/totp")
    totp = pyotp.TOTP(given["secret"])
    now = totp.generate_otp(int(time.time()) // 30)
    recovery = (await call("POST", f"{ME}/totp/confirm", {"code": now}))["recovery_codes"]
    await call("POST", f"{ME}/totp/confirm", {"code": now})
    await call("POST", f"{AUTH}/login", {"email": email, "password": PASSWORD, "totp_code": recovery[0]})
    await call("POST", f"{AUTH}/login", {"email": email, "password": PASSWORD, "totp_code": recovery[0]})
    await call("POST", f"{ME}/totp/recovery-codes")
    key = await call("POST", "/api/v1/api-keys", {"name": "tool", "scopes": ["catalog:write"]})
    await call("POST", f"{AUTH}/api-key", {"api_key": key["key"]})
    await call("POST", f"{AUTH}/api-key", {"api_key": f"{key['key']}x"})
    await call("POST", f"{AUTH}/clerk", {"token": PASSWORD})
    await call("POST", f"{AUTH}/password/forgot", {"email": email})
    reset = planter.mailed("reset_password")
    await call("POST", f"{AUTH}/password/reset", {"token": reset, "password": PASSWORD[:6]})
    await call("POST", f"{AUTH}/password/change", {"current_password": NEW_PASSWORD, "password": PASSWORD})
    first = await call("POST", f"{AUTH}/login", {"email": email, "password": PASSWORD, "totp_code": recovery[1]})
    await call("POST", f"{AUTH}/password/reset", {"token": reset, "password": NEW_PASSWORD})
    await call("POST", f"{AUTH}/password/reset", {"token": reset, "password": NEW_PASSWORD})
    anew = {"email": email, "password": NEW_PASSWORD}
    await call("POST", f"{AUTH}/login", anew)
    await call("DELETE", f"{ME}/totp")
    tokens = await call("POST", f"{AUTH}/login", anew)
    planter.use(tokens)
    for _ in range(3):  # the third time its ancestor is used, the session ends
        await call("POST", f"{AUTH}/refresh", {"refresh_token": tokens["refresh_token"]})
    for refresh_token in (first.get("refresh_token", "chr_nothing"), tokens["refresh_token"] + "x"):
        await call("POST", f"{AUTH}/refresh", {"refresh_token": refresh_token})
    await call("POST", f"{AUTH}/email/change", {"email": f"new.{email}"})
    await call("POST", f"{AUTH}/email/verify", {"token": planter.mailed("change_email")})
    await call("GET", f"{ME}/export")
    await call("GET", f"{ME}?password={PASSWORD.replace(' ', '%20')}")
    await call("DELETE", ME)
    planter.headers = {"Authorization": f"Bearer {tokens['access_token']}x"}
    await call("GET", ME)


@pytest.fixture
def uncached_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test log as the services do, but so that the tests after it need not."""
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))


@pytest.mark.usefixtures("uncached_loggers")
@pytest.mark.parametrize("environment", ["development", "production"])
async def test_no_secret_reaches_a_log_an_error_or_a_table(
    clean_db: DatabaseUrl, capfd: pytest.CaptureFixture[str], environment: str
) -> None:
    mail_url = f"smtp://house:{MAIL_PASSWORD}@127.0.0.1:1"
    values = settings_for("auth", clean_db, {}, log_level="DEBUG")
    async with run_house(clean_db, mail_url=mail_url, email_verification="optional") as house:
        configure_logs(AuthSettings(**values).model_copy(update={"environment": environment}), "auth")
        planter = Planter(house)
        await the_whole_of_it(planter)
        rows = everything(house.engine)
    logged = "".join(capfd.readouterr())
    assert "request" in logged
    assert "mail.delayed" in logged
    assert len(planter.secrets) > 30
    assert len(planter.errors) > 10
    for secret in planter.secrets:
        assert secret not in logged
        assert not [error for error in planter.errors if secret in error]
        assert not [row for row in rows if secret in row]
