"""Who calls each operation of the four documents, and what there is to call about."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from cathouse.identity import KeyUse
from cathouse.schema import PermissionType
from cathouse.web import ServiceName
from tests.factories.cats import EXTERNAL, NOTIFICATION, SECRET, STORAGE, TASKS
from tests.fixtures.cat_calls import token as cat_headers
from tests.fixtures.contract import Contract, Findings, examine
from tests.fixtures.erasures import service_headers
from tests.fixtures.house import House, Person
from tests.fixtures.releases import publish, release

METRICS_TOKEN = "a-token-for-the-figures-of-the-tests"
AUTH = "/api/v1/auth"
ME = "/api/v1/users/me"
CAT = "/api/v1/cats/{cat_id}"
INSTALLATION = "/api/v1/installations/{installation_id}"
OF_CAT = "/api/v1/developer/cats/{cat_id}"
OF_CAT_INSTALLATION = f"{OF_CAT}/installations/{{installation_id}}"
ANY_INSTALLATION = "/api/v1/admin/installations/{installation_id}"
ENDING = {f"DELETE {ME}", f"POST {AUTH}/password/change"}
"""Who succeeds with it needs another account for the next call."""

CALLERS = {
    ("auth", "/internal/v1/mails"): (KeyUse.INSTALLATION_TO_AUTH, "installation"),
    ("proxy", "/internal/v1/challenges"): (KeyUse.CATALOG_TO_PROXY, "catalog"),
    ("proxy", "/internal/v1/deliveries"): (KeyUse.INSTALLATION_TO_PROXY, "installation"),
    ("installation", "/internal/v1/interactions"): (KeyUse.PROXY_TO_INSTALLATION, "proxy"),
    ("installation", "/internal/v1/erasures"): (KeyUse.AUTH_TO_INSTALLATION, "auth"),
    ("catalog", "/internal/v1/erasures"): (KeyUse.AUTH_TO_CATALOG, "auth"),
}
NEVER_SUCCEED = {
    # No token of a Clerk and no code of an authenticator app can be written down beforehand.
    f"POST {AUTH}/clerk",
    f"POST {ME}/totp/confirm",
    f"POST {ME}/totp/recovery-codes",
    f"DELETE {ME}/totp",
}
"""Of every other operation some call must succeed: else the run would say nothing about its answers."""

SIGNED = "POST /api/v1/cat/token"
"""No signature can be written down beforehand: tests/proxy/test_cat_tokens.py does."""

LEFT_OUT = {"GET /api/v1/notifications/stream"}
"""It ends with the access token, too long to wait for: tests/installation/notification_stream does."""

ADMINISTRATION = ("/api/v1/users/{", "/api/v1/audit-events", "/api/v1/reports")
"""What only admins call, beside suspending and reinstating."""


@dataclass
class Scene:
    """Who calls, and what there is to call about. Operations that end something have something of their own to end."""

    house: House
    service: ServiceName
    admin: Person
    developer: Person
    player: Person
    loop: asyncio.AbstractEventLoop
    paths: dict[str, dict[str, str]] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)
    installation: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Person] = field(default_factory=dict)

    def authorise(self, label: str, scheme: str) -> str | None:
        """Called from the thread that calls the service."""
        headers = self._headers(label, scheme)
        return headers["Authorization"] if headers else None

    def _headers(self, label: str, scheme: str) -> dict[str, str] | None:
        path = label.split(" ", 1)[1]
        if scheme == "Metrics":
            return {"Authorization": f"Bearer {METRICS_TOKEN}"}
        if scheme == "Cat":
            return cat_headers(self.installation, frozenset(PermissionType))
        if scheme == "Service":
            use, caller = CALLERS[self.service, path]
            return service_headers(use, caller=caller, callee=self.service)
        return self._person(label, path).headers if scheme == "Person" else None

    def _person(self, label: str, path: str) -> Person:
        if path.startswith("/api/v1/developer/"):
            return self.developer
        if path.endswith(("/suspend", "/reinstate")) or path.startswith(ADMINISTRATION):
            return self.admin
        if path == "/api/v1/users":
            return self.admin
        if self.service == "catalog" or path == f"{CAT}/test":
            return self.developer
        if self.service != "auth":
            return self.player
        return self.own[label]

    async def gather(self, documented: dict[str, Any]) -> None:
        """Make an account for each of auth-service's operations: no call is to be about what another one has left."""
        for path, operations in documented["paths"].items():
            for method in operations:
                label = f"{method.upper()} {path}"
                if label not in self.own:
                    self.own[label] = await self._newcomer(path)

    async def _newcomer(self, path: str) -> Person:
        return await self.house.register("developer" if path.startswith("/api/v1/api-keys") else "player")

    def answered(self, label: str, status: int) -> None:
        """Called from the same thread."""
        if label in ENDING and status < 300:
            registering = asyncio.run_coroutine_threadsafe(self._newcomer(label), self.loop)
            self.own[label] = registering.result(timeout=60)


async def examined(scene: Scene) -> Findings:
    url = scene.house.urls[scene.service]
    documented = (await scene.house.http.get(f"{url}/openapi.json")).json()
    if scene.service == "auth":
        await scene.gather(documented)
    contract = Contract(url, documented, scene.authorise, scene.answered, scene.paths, scene.bodies, LEFT_OUT)
    return await asyncio.to_thread(examine, contract)


async def scene_of(house: House, service: ServiceName) -> Scene:
    admin, developer, player = await house.admin(), await house.register("developer"), await house.register()
    return Scene(house, service, admin, developer, player, asyncio.get_running_loop())


def hold(found: Findings, *, never_succeed: frozenset[str] = frozenset()) -> None:
    assert not found.faults, "\n\n".join(found.faults)
    assert found.never_succeeded == never_succeed


async def installed(scene: Scene) -> dict[str, Any]:
    """An active installation with everything granted, each under its own name."""
    cat = await scene.house.publish(scene.developer, permissions=[STORAGE, NOTIFICATION, TASKS])
    grants = {"storage": True, "notification": True, "tasks": True}
    return await scene.house.install(scene.player, cat, instance_name=uuid.uuid4().hex, grants=grants)


async def with_upgrade(scene: Scene) -> dict[str, Any]:
    """An installation for which a release waits that asks for more."""
    cat = await scene.house.publish(scene.developer)
    made = await scene.house.install(scene.player, cat)
    permissions = [STORAGE, {**NOTIFICATION, "required": True}]
    await release(scene.house, scene.developer, cat, "2.0.0", permissions=permissions)
    await publish(scene.house, scene.developer, cat, "2.0.0")
    return made


async def with_secrets(scene: Scene) -> dict[str, Any]:
    """An installation whose cat asks for two secrets and was given both."""
    secrets = [{**SECRET, "required": False}, {**SECRET, "name": "other_key", "required": False}]
    asked = {"permissions": [STORAGE, EXTERNAL], "egress_hosts": [SECRET["host"]], "secrets": secrets}
    cat = await scene.house.publish(scene.developer, **asked)
    return await scene.house.install(scene.player, cat, secrets={"api_key": "one", "other_key": "two"})


def both(installation: dict[str, Any]) -> dict[str, str]:
    """The ids that a developer names an installation by."""
    return {"cat_id": installation["cat"]["id"], "installation_id": installation["id"]}
