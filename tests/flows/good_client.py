"""A good client: what was cut off is sent again, and what was acknowledged is remembered."""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.factories.accounts import PASSWORD, registration

PATIENCE_S = 15.0
"""For one call, with all its repetitions."""

ANSWERS_OF_A_BROKEN_WAY = (502, 503, 504)


@dataclass
class Client:
    """Sends again what may be sent again, and counts how often."""

    http: httpx.AsyncClient
    urls: Mapping[str, str]
    again: Counter[str] = field(default_factory=Counter)

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: bool = False,
        expect: tuple[int, ...] = (200,),
    ) -> httpx.Response:
        """One call until it is answered. ``key``: it creates something, and is to do so once."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                answer = await self.http.request(method, self.urls[service] + path, json=body, headers=headers)
            except httpx.TransportError as error:
                self.again[f"{method} {path.split('?', maxsplit=1)[0][:40]}: {type(error).__name__}"] += 1
            else:
                is_running = answer.status_code == 409 and answer.json().get("code") == "idempotency_key_in_use"
                if answer.status_code not in ANSWERS_OF_A_BROKEN_WAY and not is_running:
                    assert answer.status_code in expect, f"{method} {path}: {answer.status_code} {answer.text}"
                    return answer
                self.again[f"{method} {path.split('?', maxsplit=1)[0][:40]}: {answer.status_code}"] += 1
            await asyncio.sleep(0.1)
        raise AssertionError(f"{method} {path} was not answered within {PATIENCE_S} s: {dict(self.again)}")


@dataclass
class Acknowledged:
    """What a player was told had been done."""

    emails: set[str] = field(default_factory=set)
    installations: set[str] = field(default_factory=set)
    uninstalled: set[str] = field(default_factory=set)
    heard: set[tuple[str, str]] = field(default_factory=set)
    notified: set[str] = field(default_factory=set)
    received: Counter[str] = field(default_factory=Counter)
    tasks: set[str] = field(default_factory=set)


class Player:
    """Walks the journey, each time as somebody new."""

    def __init__(self, client: Client, cat: Mapping[str, Any]) -> None:
        self._client = client
        self._cat = cat
        self._tokens: dict[str, Any] = {}
        self.done = Acknowledged()

    async def walk(self) -> None:
        """From the registration to the end of the installation."""
        await self._arrive()
        listening = asyncio.create_task(self._listen())
        try:
            installation = await self._install()
            for number in range(4):
                await self._talk(installation, notify=number % 2 == 0)
                if number == 1:
                    await self._refresh()
            await self._hear_a_story(installation)
            await self._note()
            await self._look(installation)
            await self._uninstall(installation)
            until = time.monotonic() + PATIENCE_S
            while missing := self.done.notified - self.done.received.keys():
                assert not listening.done(), listening.exception()
                assert time.monotonic() < until, missing
                await asyncio.sleep(0.05)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _call(self, service: str, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self._client.call(service, method, path, body, token=self._tokens["access_token"], **more)

    async def _arrive(self) -> None:
        body = registration()
        # It takes no key: who sends it again is told that there is such an account now, and logs in.
        await self._client.call("auth", "POST", "/api/v1/auth/register", body, expect=(201, 409))
        self.done.emails.add(body["email"])
        answer = await self._client.call("auth", "POST", "/api/v1/auth/login", {**log_in_body(body)})
        self._tokens = answer.json()

    async def _refresh(self) -> None:
        token = self._tokens["refresh_token"]
        answer = await self._client.call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": token})
        # Two tabs that refresh at once, at whatever replica, get the same successor.
        second = await self._client.call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": token})
        assert answer.json()["refresh_token"] == second.json()["refresh_token"]
        self._tokens = answer.json()

    async def _install(self) -> str:
        found = await self._call("catalog", "GET", f"/api/v1/cats/{self._cat['slug']}")
        body = {"cat_id": found.json()["id"], "instance_name": "Misty", "grants": {"storage": True}}
        made = await self._call("installation", "POST", "/api/v1/installations", body, key=True, expect=(201,))
        installation = str(made.json()["id"])
        self.done.installations.add(installation)
        path = f"/api/v1/installations/{installation}/permissions/notification"
        await self._call("installation", "PUT", path, {"granted": True})
        return installation

    async def _talk(self, installation: str, *, notify: bool) -> None:
        said_id = uuid.uuid4().hex
        said = {"id": said_id, "notify": notify}
        path = f"/api/v1/installations/{installation}/interactions"
        answer = await self._call("proxy", "POST", path, {"input": said})
        assert answer.json() == {"output": {"heard": said_id}}
        self.done.heard.add((installation, said_id))
        if notify:
            self.done.notified.add(said_id)
            await asyncio.sleep(1.0)  # a cat may notify once a second

    async def _hear_a_story(self, installation: str) -> None:
        said = uuid.uuid4().hex
        path = f"/api/v1/installations/{installation}/interactions"
        headers = {"Authorization": f"Bearer {self._tokens['access_token']}", "Accept": "text/event-stream"}
        for _ in range(30):
            with suppress(httpx.TransportError):
                url = self._client.urls["proxy"] + path
                answer = await self._client.http.post(url, json={"input": {"id": said}}, headers=headers)
                if said in answer.text and "event: end" in answer.text:
                    assert answer.text.count("event: word") == 4
                    return
                assert answer.status_code in (200, *ANSWERS_OF_A_BROKEN_WAY), answer.text
            self._client.again["story"] += 1
            await asyncio.sleep(0.1)
        raise AssertionError("the story had no end")

    async def _note(self) -> None:
        title = uuid.uuid4().hex
        await self._call("installation", "POST", "/api/v1/tasks", {"title": title}, key=True, expect=(201,))
        self.done.tasks.add(title)

    async def _look(self, installation: str) -> None:
        listed = await self._call("installation", "GET", "/api/v1/notifications")
        assert {each["body"] for each in listed.json()["items"]} >= self._own_notified(listed)
        await self._call("auth", "GET", "/api/v1/users/me")
        await self._call("catalog", "GET", "/api/v1/cats?search=cat&facets=true")
        await self._call("installation", "GET", f"/api/v1/installations/{installation}/activity")

    def _own_notified(self, listed: httpx.Response) -> set[str]:
        own = {each["body"] for each in listed.json()["items"]}
        assert len(own) == 2
        return own & self.done.notified

    async def _uninstall(self, installation: str) -> None:
        await self._call("installation", "DELETE", f"/api/v1/installations/{installation}", expect=(204,))
        self.done.uninstalled.add(installation)
        path = f"/api/v1/installations/{installation}/interactions"
        refused = await self._call("proxy", "POST", path, {"input": "Hello?"}, expect=(410,))
        assert refused.json()["code"] == "installation_uninstalled"

    async def _listen(self) -> None:
        """The stream of notifications; opened again with the last id whenever it ends."""
        last: Any = None
        seen: set[Any] = set()
        url = self._client.urls["installation"] + "/api/v1/notifications/stream"
        while True:
            headers = {"Authorization": f"Bearer {self._tokens['access_token']}"}
            if last is not None:
                headers["Last-Event-ID"] = last
            with suppress(httpx.TransportError):
                async with self._client.http.stream("GET", url, headers=headers) as answer:
                    assert answer.status_code in (200, *ANSWERS_OF_A_BROKEN_WAY)
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            last = line.removeprefix("id: ")
                        if not line.startswith("data: "):
                            continue
                        notification = json.loads(line.removeprefix("data: "))
                        if notification["id"] not in seen:
                            seen.add(notification["id"])
                            self.done.received[notification["body"]] += 1
            await asyncio.sleep(0.05)


def log_in_body(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"email": body["email"], "password": PASSWORD}
