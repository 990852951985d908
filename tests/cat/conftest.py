"""What the tests of cats in the house share."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cathouse.cat import Callback, Cat, House, InstallationMessage
from tests.factories.cats import NOTIFICATION, STORAGE, TASKS
from tests.fixtures import house as fixtures
from tests.fixtures.house import Person
from tests.fixtures.serving import serve


@dataclass
class Neighbourhood:
    """A developer and a player in the house, and how a cat comes to live there."""

    house: fixtures.House
    developer: Person
    player: Person

    async def draft(self, **changes: Any) -> tuple[dict[str, Any], str]:
        """A cat that is nowhere yet, and its secret."""
        permissions = [STORAGE, NOTIFICATION, TASKS]
        cat = await self.house.draft(self.developer, **{"permissions": permissions, **changes})
        return cat, self.house.cat_secrets[cat["slug"]]

    async def settle(
        self,
        cat: dict[str, Any],
        endpoint_url: str,
        *,
        granted: Sequence[str] = ("storage", "notification", "tasks"),
        **changes: Any,
    ) -> dict[str, Any]:
        """Say where the cat is, publish it (it is challenged there), and install it."""
        await self.move(cat, endpoint_url)
        await self.house.call("catalog", "POST", f"/api/v1/cats/{cat['id']}/publish", person=self.developer)
        return await self.house.install(
            self.player, cat, instance_name=cat["slug"], grants=dict.fromkeys(granted, True), **changes
        )

    async def move(self, cat: dict[str, Any], endpoint_url: str) -> None:
        """Say where the draft's endpoint is."""
        path = f"/api/v1/cats/{cat['id']}/releases/{cat['version']}"
        await self.house.call("catalog", "PATCH", path, {"endpoint_url": endpoint_url}, person=self.developer)

    async def say(self, installed: dict[str, Any], said: Any) -> Any:
        """What the cat answers."""
        return (await self.house.interact(self.player, installed, said)).json()["output"]

    async def listen(self, installed: dict[str, Any], said: Any) -> str:
        """The events with which the cat answers."""
        url = f"{self.house.urls['proxy']}/api/v1/installations/{installed['id']}/interactions"
        headers = {**self.player.headers, "Accept": "text/event-stream"}
        answer = await self.house.http.post(url, json={"input": said}, headers=headers)
        assert answer.headers["content-type"] == "text/event-stream", answer.text
        return answer.text


@pytest.fixture
async def neighbourhood(house: fixtures.House) -> Neighbourhood:
    return Neighbourhood(house, await house.register("developer"), await house.register())


@dataclass
class Listener:
    """An installed cat that remembers what it was told."""

    cat: Cat
    installed: dict[str, Any]
    neighbourhood: Neighbourhood
    heard: list[InstallationMessage] = field(default_factory=list)

    async def callback(self) -> Callback:
        """One with a fresh token."""
        await self.neighbourhood.say(self.installed, "Hello!")
        callback = self.heard[-1].callback
        assert callback is not None
        return callback


@pytest.fixture
async def listener(neighbourhood: Neighbourhood) -> AsyncIterator[Listener]:
    """It may store and make tasks, and not notify."""
    draft, secret = await neighbourhood.draft()
    cat = Cat(secret)
    heard: list[InstallationMessage] = []

    @cat.interaction
    async def answer(message: InstallationMessage, _house: House) -> None:
        heard.append(message)

    async with serve(cat) as url:
        installed = await neighbourhood.settle(draft, f"{url}/", granted=["storage", "tasks"])
        yield Listener(cat, installed, neighbourhood, heard)
