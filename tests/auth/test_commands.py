"""The operator's commands."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update

from auth_service.jwt_secrets import JwtSecrets
from cathouse.local.processes import plain_environment
from cathouse.schema import SecondFactor, SigningKey
from tests.factories.accounts import PASSWORD, email
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET, House
from tests.fixtures.server import role_url, server_url

NEW = "a-newer-jwt-key-of-the-tests-and-of-nothing-else"


async def run(
    house: House, folder: Path, *arguments: str, password: str = "", jwt_secret: str = JWT_SECRET
) -> subprocess.CompletedProcess[str]:
    """`cathouse …` as an operator runs it for this house."""
    database = role_url("auth", server_url().replace(name=str(house.engine.url.database)))
    environment = plain_environment() | {
        "DATABASE_URL": database.for_libpq(),
        "JWT_SECRET": jwt_secret,
        "PLATFORM_SECRET": PLATFORM_SECRET,
        "ADMIN_PASSWORD": password,
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cathouse.cli", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_an_admin_is_made_by_command_and_logs_in(house: House, tmp_path: Path) -> None:
    address = email()
    weak = await run(house, tmp_path, "admin", "create", address, password="too short")
    assert (weak.returncode, weak.stderr) == (
        2,
        "The role admin needs a password of at least 15 characters, or a second factor.\n",
    )
    made = await run(house, tmp_path, "admin", "create", address, password=PASSWORD)
    assert (made.returncode, made.stdout) == (0, f"{address} is an admin now\n")
    answer = await house.call("auth", "POST", "/api/v1/auth/login", {"email": address, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    me = await house.call("auth", "GET", "/api/v1/users/me", headers=headers)
    assert me.json()["role"] == "admin"
    again = await run(house, tmp_path, "admin", "create", address, password=PASSWORD)
    assert again.returncode == 2
    assert "address exists" in again.stderr
    assert PASSWORD not in again.stdout + again.stderr


async def test_what_is_under_an_older_jwt_secret_is_put_under_the_newest(house: House, tmp_path: Path) -> None:
    person = await house.register()
    given = (await house.call("auth", "POST", "/api/v1/users/me/totp", person=person)).json()
    both = f"{NEW},{JWT_SECRET}"
    lost = await run(house, tmp_path, "keys", "rewrap", jwt_secret=NEW)
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "JWT_SECRET" in lost.stderr
    done = await run(house, tmp_path, "keys", "rewrap", jwt_secret=both)
    assert (done.returncode, done.stdout) == (0, "rewrapped 1 signing keys and 1 second factors\n")
    again = await run(house, tmp_path, "keys", "rewrap", jwt_secret=both)
    assert again.stdout == "rewrapped 0 signing keys and 0 second factors\n"
    secret = JwtSecrets.parse(NEW).current
    with house.engine.connect() as connection:
        key = connection.execute(select(SigningKey.kid, SigningKey.wrapped_private, SigningKey.wrapping_key_id)).one()
        factor = connection.scalar(select(SecondFactor.wrapped_secret))
    assert key.wrapping_key_id == secret.key_id
    assert secret.unwrap(key.wrapped_private, bound_to=key.kid)
    assert factor is not None
    assert secret.unwrap(factor, bound_to=f"totp:{person.id}").decode() == given["secret"]
    for output in (lost, done, again):
        assert NEW not in output.stdout + output.stderr
        assert given["secret"] not in output.stdout + output.stderr


@pytest.mark.parametrize("begins_with", ["", "-", "--"])
async def test_a_lost_jwt_secret_is_got_over_by_revoking_what_it_wrapped(
    house: House, tmp_path: Path, begins_with: str
) -> None:
    await house.register()
    with house.engine.begin() as connection:
        kid = begins_with + str(connection.scalar(select(SigningKey.kid)))
        connection.execute(update(SigningKey).values(kid=kid[:43]))
        kid = kid[:43]
    revoked = await run(house, tmp_path, "keys", "revoke", kid, jwt_secret=NEW)
    assert (revoked.returncode, revoked.stderr) == (0, "")
    with house.engine.connect() as connection:
        living = select(SigningKey.wrapping_key_id).where(SigningKey.state == "active")
        assert list(connection.scalars(living)) == [JwtSecrets.parse(NEW).current.key_id]
