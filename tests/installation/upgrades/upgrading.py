"""Upgrades, as a player makes them, and what they ask for."""

from typing import Any

import httpx

from tests.factories.cats import EXTERNAL, NOTIFICATION, SECRET, STORAGE
from tests.fixtures.house import House, Person
from tests.fixtures.installations import INSTALLATIONS

HOSTS = [SECRET["host"], "other.example.com"]
MUST_NOTIFY = {**NOTIFICATION, "required": True}
WITH_SECRET: dict[str, Any] = {
    "permissions": [STORAGE, NOTIFICATION, EXTERNAL],
    "egress_hosts": HOSTS,
    "secrets": [SECRET],
}


async def upgrade(
    house: House,
    player: Person,
    installed: dict[str, Any],
    version: str = "2.0.0",
    *,
    expect: int | None = 200,
    **answers: Any,
) -> httpx.Response:
    path = f"{INSTALLATIONS}/{installed['id']}/upgrade"
    return await house.call("installation", "POST", path, {"version": version, **answers}, person=player, expect=expect)


def answers_of(installed: dict[str, Any]) -> dict[str, tuple[bool, bool]]:
    return {each["permission_type"]: (each["required"], each["granted"]) for each in installed["permissions"]}
