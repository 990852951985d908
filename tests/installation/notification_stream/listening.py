"""Who listens to a stream of notifications, and a home whose cats speak."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from cathouse.database import DatabaseUrl
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person, create_service, settings_for
from tests.fixtures.serving import serve

STREAM = "/api/v1/notifications/stream"
PATIENCE_S = 10.0


@dataclass
class Listener:
    """What has come on one stream so far."""

    headers: httpx.Headers
    place: str | None = None
    events: list[dict[str, str]] = field(default_factory=list)
    comments: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    @property
    def titles(self) -> list[str]:
        return [json.loads(event["data"])["title"] for event in self.events]

    async def until(self, condition: Callable[["Listener"], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self):  # noqa: ASYNC110 - what has come is looked at, not told
                await asyncio.sleep(0.005)

    async def hears(self, count: int) -> None:
        await self.until(lambda listener: len(listener.events) >= count)

    async def take(self, answer: httpx.Response) -> None:
        event: dict[str, str] = {}
        try:
            async for line in lines(answer):
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, value = line.split(": ", 1)
                    event[name] = value
                elif event:
                    if event.keys() == {"id"}:
                        self.place = event["id"]
                    else:
                        self.events.append(event)
                    event = {}
        except httpx.RemoteProtocolError:
            self.broken = True
        finally:
            self.ended.set()


async def lines(answer: httpx.Response) -> AsyncIterator[str]:
    """As browsers divide it: httpx would break a line at every character that Unicode thinks of as a line break."""
    rest = b""
    async for piece in answer.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


@asynccontextmanager
async def listening(
    house: House, headers: dict[str, str], *, since: str | None = None, url: str | None = None
) -> AsyncIterator[Listener]:
    """A stream that is open and read until the block is left."""
    sent = {**headers, **({"Last-Event-ID": since} if since is not None else {})}
    async with house.http.stream("GET", f"{url or house.urls['installation']}{STREAM}", headers=sent) as answer:
        assert answer.status_code == 200, await answer.aread()
        listener = Listener(answer.headers)
        taking = asyncio.create_task(listener.take(answer))
        try:
            yield listener
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


@dataclass
class Home:
    """A player and several installations: each cat may speak once a second."""

    house: House
    player: Person
    cats: Sequence[dict[str, str]]

    async def send(self, cat: int, title: str, *, url: str | None = None, **more: Any) -> dict[str, Any]:
        target = f"{url or self.house.urls['installation']}/api/v1/cat/notifications"
        body = {"title": title, "body": "Come home.", **more}
        answer = await self.house.http.post(target, json=body, headers=self.cats[cat])
        assert answer.status_code == 201, answer.text
        sent: dict[str, Any] = answer.json()
        return sent


async def home_of(house: House, player: Person | None = None, *, cats: int = 3) -> Home:
    player = player or await house.register()
    cat = await house.publish(await house.register("developer"))
    grants = {"storage": True, "notification": True}
    installed = [
        await house.install(player, cat, instance_name=f"Misty {number}", grants=grants) for number in range(cats)
    ]
    return Home(house, player, [token(each) for each in installed])


def second_process(house: House, database: DatabaseUrl, **changes: Any) -> Any:
    """installation-service once more, beside the house's own."""
    ports = {service: urlsplit(url).port or 0 for service, url in house.urls.items()}
    return serve(create_service("installation", settings_for("installation", database, ports, **changes)))
