"""A cat server whose behaviour a test chooses."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cathouse.database import DatabaseUrl
from tests.fixtures.house import House, Person, run_house
from tests.fixtures.serving import serve

Behaviour = Callable[[Request], Awaitable[Response]]
Home = tuple[Person, dict[str, Any]]
"""A player and an installation of theirs."""


class Cat:
    """Remembers what it was sent: what players say in ``heard``, what became of installations in ``told``."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.behaviour: Behaviour = self.answer
        self.when_told: Behaviour = respond(204, b"")
        self.app = Starlette(routes=[Route("/", self.hear, methods=["POST"])])

    async def hear(self, request: Request) -> Response:
        body = await request.body()
        message = json.loads(body)
        if message["type"] == "challenge":
            return JSONResponse({"challenge": message["challenge"]})
        if message["type"].startswith("installation."):
            self.told.append((dict(request.headers), body))
            return await self.when_told(request)
        self.heard.append((dict(request.headers), body))
        return await self.behaviour(request)

    async def answer(self, _request: Request) -> Response:
        return JSONResponse(
            {"output": "purr"}, headers={"Set-Cookie": "a=b", "X-Secret": "1", "Content-Language": "de"}
        )

    @property
    def message(self) -> dict[str, Any]:
        """The last envelope of an interaction."""
        envelope: dict[str, Any] = json.loads(self.heard[-1][1])
        return envelope


def respond(status: int = 200, content: bytes = b"{}", **headers: Any) -> Behaviour:
    async def behaviour(_request: Request) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(content, status, {"content-type": "application/json", **named})

    return behaviour


async def sleep(_request: Request) -> Response:
    await asyncio.sleep(3)
    return JSONResponse({"output": 1})


async def drip(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.1)

    return StreamingResponse(chunks(), media_type="application/json")


@asynccontextmanager
async def behaving_cat(house: House) -> AsyncIterator[Cat]:
    """A cat server that the house's cats live on from now on."""
    cat = Cat()
    async with serve(cat.app) as url:
        house.cat_url = url
        yield cat


async def home_with(house: House) -> Home:
    """A player and an installation of the cat that the house's cats live on."""
    developer, player = await house.register("developer"), await house.register()
    published = await house.publish(developer, endpoint_url=f"{house.cat_url}/", timeout_s=10)
    return player, await house.install(player, published)


@asynccontextmanager
async def inhabited(database: DatabaseUrl, **changes: Any) -> AsyncIterator[tuple[House, Cat, Home]]:
    """A house with settings of its own, a cat, and a player who has it."""
    async with run_house(database, **changes) as house, behaving_cat(house) as cat:
        yield house, cat, await home_with(house)
