"""A host outside whose behaviour a test chooses, and installations whose cat may call it."""

import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cathouse.schema import PermissionType, Release
from tests.factories.cats import EXTERNAL, SECRET, STORAGE
from tests.fixtures.cat_calls import token
from tests.fixtures.house import House, Person
from tests.fixtures.serving import serve
from tests.proxy.cats import Behaviour, respond

CALL = "/api/v1/cat/external"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
HERE = "127.0.0.1"


class Host:
    """Remembers what it was sent, and answers as ``behaviour`` says."""

    def __init__(self) -> None:
        self.heard: list[tuple[Request, bytes]] = []
        self.behaviour: Behaviour = respond(200, b'{"weather": "fine"}')
        self.url = ""
        self.app = Starlette(routes=[Route("/{path:path}", self.hear, methods=METHODS)])

    async def hear(self, request: Request) -> Response:
        self.heard.append((request, await request.body()))
        return await self.behaviour(request)

    @property
    def headers(self) -> dict[str, str]:
        """Of the last request."""
        return dict(self.heard[-1][0].headers)


@dataclass
class Caller:
    """An installation whose cat calls."""

    house: House
    developer: Person
    player: Person
    installed: dict[str, Any]
    host: Host

    @property
    def id(self) -> uuid.UUID:
        return uuid.UUID(self.installed["id"])

    def headers(self, scopes: Collection[PermissionType] = frozenset(PermissionType)) -> dict[str, str]:
        return token(self.installed, frozenset(scopes))

    async def call(self, expect: int | None = 200, **wanted: Any) -> httpx.Response:
        """An external call; to the host when nothing else is said."""
        body = {"method": "GET", "url": f"{self.host.url}/", **wanted}
        return await self.house.call("proxy", "POST", CALL, body, headers=self.headers(), expect=expect)

    async def refused(self, **wanted: Any) -> tuple[int, str]:
        """Status and code of a call that is not made."""
        before = len(self.host.heard)
        answer = await self.call(expect=None, **wanted)
        assert len(self.host.heard) == before, answer.text
        return answer.status_code, answer.json()["code"]


def secret(name: str, header: str, host: str = HERE) -> dict[str, Any]:
    return {**SECRET, "name": name, "header": header, "host": host, "required": False}


CANARY = "quillfeather/+42=canary"
BEARER = f"Bearer {CANARY}"
KEY = secret("api_key", "X-Api-Key")
SIGN_IN = secret("sign_in", "Authorization")
ELSEWHERE = secret("elsewhere", "X-Other-Key", "other.example.com")
NEVER_GIVEN = secret("never_given", "X-Third-Key")
GIVEN = {"api_key": CANARY, "sign_in": BEARER, "elsewhere": CANARY}


@asynccontextmanager
async def calling(house: House, secrets: dict[str, str], *declared: dict[str, Any]) -> AsyncIterator[Caller]:
    """A player who granted everything and gave ``secrets``; its cat ``declared`` them, and this machine as a host."""
    host = Host()
    developer, player = await house.register("developer"), await house.register()
    public = [{**each, "host": SECRET["host"]} for each in declared]
    cat = await house.publish(developer, permissions=[STORAGE, EXTERNAL], egress_hosts=[SECRET["host"]], secrets=public)
    grants = {"storage": True, "external_api": True}
    installed = await house.install(player, cat, grants=grants, secrets=secrets)
    # The catalog takes public names only, and none of those leads to a host of the tests.
    values = {"egress_hosts": [SECRET["host"], "other.example.com", HERE], "secrets": list(declared)}
    await house.execute(update(Release).where(Release.cat_id == uuid.UUID(cat["id"])).values(values))
    async with serve(host.app) as url:
        host.url = url
        yield Caller(house, developer, player, installed, host)
