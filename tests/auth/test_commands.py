"""The operator's commands."""

import asyncio
import subprocess
import sys
from pathlib import Path

from cathouse.local.processes import plain_environment
from tests.factories.accounts import PASSWORD, email
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET, House
from tests.fixtures.server import role_url, server_url


async def run(house: House, folder: Path, address: str, password: str) -> subprocess.CompletedProcess[str]:
    database = role_url("auth", server_url().replace(name=str(house.engine.url.database)))
    environment = plain_environment() | {
        "DATABASE_URL": database.for_libpq(),
        "JWT_SECRET": JWT_SECRET,
        "PLATFORM_SECRET": PLATFORM_SECRET,
        "ADMIN_PASSWORD": password,
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cathouse.cli", "admin", "create", address],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_an_admin_is_made_by_command_and_logs_in(house: House, tmp_path: Path) -> None:
    address = email()
    weak = await run(house, tmp_path, address, "too short")
    assert (weak.returncode, weak.stderr) == (2, "The role admin needs a password of at least 15 characters.\n")
    made = await run(house, tmp_path, address, PASSWORD)
    assert (made.returncode, made.stdout) == (0, f"{address} is an admin now\n")
    answer = await house.call("auth", "POST", "/api/v1/auth/login", {"email": address, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    me = await house.call("auth", "GET", "/api/v1/users/me", headers=headers)
    assert me.json()["role"] == "admin"
    again = await run(house, tmp_path, address, PASSWORD)
    assert again.returncode == 2
    assert "address exists" in again.stderr
    assert PASSWORD not in again.stdout + again.stderr
