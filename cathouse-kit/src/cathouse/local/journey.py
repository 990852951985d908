"""The whole journey over HTTP, against running services: what ``cathouse demo`` walks.

Everything is made anew under names that nobody else has, so it can be walked again and again.
"""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from cathouse.local.demo_cat import make_demo_cat
from cathouse.local.seed_data import ADMIN
from cathouse.tls import client_tls

PASSWORD = "correct horse battery staple"  # noqa: S105 - of accounts that are made and left
_NAP_S = 1.5
_NAPPERS = 4

Report = Callable[[str], None]


class JourneyError(Exception):
    """A step did not go as it should; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in."""

    headers: Mapping[str, str]


class Journey:
    """Walks the steps in order; each one depends on the ones before it."""

    def __init__(self, urls: Mapping[str, str], report: Report) -> None:
        """``urls`` are the base URLs of the four services by name; ``report`` is told of each step."""
        self._urls = urls
        self._report = report
        self._mark = secrets.token_hex(4)
        self._http = httpx.Client(timeout=30.0, trust_env=False, verify=client_tls())

    def walk(self) -> None:
        """Walk it all.

        Raises:
            JourneyError: at the first step that does not go as it should.
        """
        cat_secrets: dict[str, str] = {}
        with self._http, _serving_cat(cat_secrets) as cat_url:
            developer = self._register("developer")
            cat = self._publish(developer, cat_url, cat_secrets)
            player = self._register("player")
            installation = self._install(player, cat)
            self._talk(player, installation)
            self._stream(player, installation)
            self._be_refused(player, installation)
            self._be_notified(player, installation)
            self._pause_and_resume(player, installation)
            self._revoke(player, installation)
            self._suspend_while_busy(player, installation, cat)
            self._uninstall(player, installation)

    def _register(self, role: str) -> Person:
        email = f"{role}-{self._mark}@example.com"
        body = {"email": email, "password": PASSWORD, "display_name": f"A {role}", "role": role}
        self._call("auth", "POST", "/api/v1/auth/register", body, expect=201)
        person = self._log_in(email, PASSWORD)
        me = self._call("auth", "GET", "/api/v1/users/me", person=person)
        _check(me["email"] == email and me["role"] == role, "the new account is not the one that was registered")
        self._report(f"a {role} registers and logs in")
        return person

    def _log_in(self, email: str, password: str) -> Person:
        tokens = self._call("auth", "POST", "/api/v1/auth/login", {"email": email, "password": password})
        return Person({"Authorization": f"Bearer {tokens['access_token']}"})

    def _publish(self, developer: Person, cat_url: str, cat_secrets: dict[str, str]) -> dict[str, Any]:
        slug = f"journey-cat-{self._mark}"
        body = {
            "name": f"Journey Cat {self._mark}",
            "slug": slug,
            "description": "Walks with you through everything that Cat House can do.",
            "version": "1.0.0",
            "endpoint_url": f"{cat_url}/{slug}",
            "tags": ["journey", "demo"],
            "permissions": [
                {"permission_type": "storage", "description": "To count your visits.", "required": True},
                {"permission_type": "notification", "description": "To greet you.", "required": False},
            ],
        }
        cat = self._call("catalog", "POST", "/api/v1/cats", body, person=developer, expect=201)
        refused = self._call("catalog", "POST", f"/api/v1/cats/{cat['id']}/publish", person=developer, expect=422)
        _check(refused["code"] == "endpoint_challenge_failed", "a cat that does not answer was not refused")
        secret = self._call("catalog", "GET", f"/api/v1/cats/{cat['id']}/signing-secret", person=developer)
        cat_secrets[slug] = secret["secret"]
        published = self._call("catalog", "POST", f"/api/v1/cats/{cat['id']}/publish", person=developer)
        _check(published["status"] == "published", "the cat is not published")
        self._report("the developer creates a cat and publishes it: its endpoint answers the challenge")
        return published

    def _install(self, player: Person, cat: Mapping[str, Any]) -> str:
        found = self._call("catalog", "GET", f"/api/v1/cats?search=journey+{self._mark}")
        _check([each["id"] for each in found["items"][:1]] == [cat["id"]], "the cat is not found in the catalog")
        _check("endpoint_url" not in found["items"][0], "the catalog shows the cat's endpoint to everybody")
        body = {"cat_id": cat["id"], "instance_name": "Misty", "grants": {"storage": True, "notification": False}}
        installation = self._call("installation", "POST", "/api/v1/installations", body, person=player, expect=201)
        self._report("a player finds it in the catalog and installs it as Misty: storage granted, notification denied")
        return str(installation["id"])

    def _talk(self, player: Person, installation: str) -> None:
        first = self._interact(player, installation, "Hello, Misty!")["output"]
        _check(first["visits"] == 1 and first["heard"] == "Hello, Misty!", "the cat did not answer as it should")
        second = self._interact(player, installation, "Hello again!")["output"]
        _check(second["visits"] == 2, "the cat's storage did not keep the visits")
        self._report("the player talks to it: the cat checks the signature, uses its storage, and answers")

    def _stream(self, player: Person, installation: str) -> None:
        headers = {**player.headers, "Accept": "text/event-stream"}
        path = f"/api/v1/installations/{installation}/interactions"
        answer = self._send("proxy", "POST", path, {"input": "Tell me a story"}, headers)
        kind = answer.headers.get("content-type", "")
        _check(
            kind.startswith("text/event-stream") and "event: end" in answer.text,
            "the cat's events did not come through",
        )
        self._report("the cat tells a story as a stream of events")

    def _be_refused(self, player: Person, installation: str) -> None:
        output = self._interact(player, installation, {"notify": "Psst!"})["output"]
        _check(
            output["notification"] == {"status": 403, "code": "permission_not_granted"},
            "the cat could notify without being allowed to",
        )
        self._report("the cat tries to notify and is refused: permission_not_granted")

    def _be_notified(self, player: Person, installation: str) -> None:
        path = f"/api/v1/installations/{installation}/permissions/notification"
        self._call("installation", "PUT", path, {"granted": True}, person=player)
        output = self._interact(player, installation, {"notify": "Dinner time!"})["output"]
        _check(output["notification"]["status"] == 201, "the cat could not notify although it is allowed to")
        inbox = self._call("installation", "GET", "/api/v1/notifications?unread=true", person=player)
        bodies = [each["body"] for each in inbox["items"]]
        _check(bodies == ["Dinner time!"] and inbox["unread_count"] == 1, "the notification is not in the inbox")
        self._report("the player grants notification: the next one arrives in the inbox")

    def _pause_and_resume(self, player: Person, installation: str) -> None:
        self._call("installation", "POST", f"/api/v1/installations/{installation}/pause", person=player)
        self._refused(player, installation, 409, "installation_paused")
        self._call("installation", "POST", f"/api/v1/installations/{installation}/resume", person=player)
        self._interact(player, installation, "Back again")
        self._report("paused: the cat is not reached; resumed: it is")

    def _revoke(self, player: Person, installation: str) -> None:
        path = f"/api/v1/installations/{installation}/permissions/notification"
        self._call("installation", "PUT", path, {"granted": False}, person=player)
        output = self._interact(player, installation, {"notify": "Still there?"})["output"]
        _check(output["notification"]["status"] == 403, "a revoked permission still works")
        self._report("the player revokes notification: it is gone at once")

    def _suspend_while_busy(self, player: Person, installation: str, cat: Mapping[str, Any]) -> None:
        admin = self._log_in(ADMIN.email, ADMIN.password)
        with ThreadPoolExecutor(_NAPPERS) as busy:
            naps = [busy.submit(self._interact, player, installation, {"nap_s": _NAP_S}) for _ in range(_NAPPERS)]
            time.sleep(_NAP_S / 3)
            body = {"reason": "It walked over the keyboard."}
            self._call("catalog", "POST", f"/api/v1/cats/{cat['id']}/suspend", body, person=admin)
            self._refused(player, installation, 423, "cat_suspended")
            for nap in naps:
                nap.result()
        self._call("catalog", "POST", f"/api/v1/cats/{cat['id']}/reinstate", person=admin)
        self._interact(player, installation, "Free again")
        self._report("an admin suspends the cat while the proxy is busy: the very next interaction is refused")

    def _uninstall(self, player: Person, installation: str) -> None:
        path = f"/api/v1/installations/{installation}"
        self._call("installation", "DELETE", path, person=player, expect=204)
        self._refused(player, installation, 410, "installation_uninstalled")
        self._report("the player uninstalls it: gone")

    def _interact(self, player: Person, installation: str, said: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        path = f"/api/v1/installations/{installation}/interactions"
        return self._call("proxy", "POST", path, {"input": said}, person=player)

    def _refused(self, player: Person, installation: str, status: int, code: str) -> None:
        path = f"/api/v1/installations/{installation}/interactions"
        refused = self._call("proxy", "POST", path, {"input": "Hello?"}, person=player, expect=status)
        _check(refused["code"] == code, f"expected the code {code}, got {refused['code']}")

    def _call(
        self,
        service: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        person: Person | None = None,
        expect: int = 200,
    ) -> dict[str, Any]:
        answer = self._send(service, method, path, body, person.headers if person else {})
        if answer.status_code != expect:
            raise JourneyError(f"{method} {path}: expected {expect}, got {answer.status_code}: {answer.text[:300]}")
        result: dict[str, Any] = answer.json() if answer.content else {}
        return result

    def _send(
        self, service: str, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        url = self._urls[service].rstrip("/") + path
        try:
            return self._http.request(method, url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise JourneyError(f"{service}-service does not answer at {self._urls[service]}: {error}") from None


def _check(holds: bool, complaint: str) -> None:  # noqa: FBT001 - the condition itself
    if not holds:
        raise JourneyError(complaint)


@contextmanager
def _serving_cat(cat_secrets: Mapping[str, str]) -> Iterator[str]:
    """A cat server of our own on a free port of this machine, in a thread."""
    # With its protocol named: else asyncio leaves Nagle's algorithm on, and every answer takes 40 ms more.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(make_demo_cat(cat_secrets), log_level="error", lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=5)
