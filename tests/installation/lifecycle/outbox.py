"""Doing things to installations, and looking at what was told of them."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from cathouse.database import AnyRow
from cathouse.schema import LifecycleEvent
from tests.fixtures.house import House, Person
from tests.fixtures.waiting import until
from tests.proxy.cats import Behaviour, Cat, respond

INSTALLATIONS = "/api/v1/installations"
SECONDS = dt.timedelta(seconds=1)
SOON_S = 0.02
FAILING = respond(500)


async def publish(house: House, developer: Person, **changes: Any) -> dict[str, Any]:
    return await house.publish(developer, endpoint_url=f"{house.cat_url}/", **changes)


async def move(house: House, player: Person, installed: dict[str, Any], action: str) -> None:
    await house.call("installation", "POST", f"{INSTALLATIONS}/{installed['id']}/{action}", person=player)


async def uninstall(house: House, player: Person, installed: dict[str, Any]) -> None:
    await house.call("installation", "DELETE", f"{INSTALLATIONS}/{installed['id']}", person=player, expect=204)


async def listed(house: House, developer: Person, cat_id: str, query: str = "", *, expect: int = 200) -> dict[str, Any]:
    path = f"/api/v1/developer/cats/{cat_id}/events{query}"
    answer: dict[str, Any] = (await house.call("installation", "GET", path, person=developer, expect=expect)).json()
    return answer


async def resend(house: House, developer: Person, cat_id: str, event_id: object, *, expect: int = 200) -> None:
    path = f"/api/v1/developer/cats/{cat_id}/events/{event_id}/resend"
    await house.call("installation", "POST", path, person=developer, expect=expect)


def told(cat: Cat, installed: dict[str, Any]) -> list[str]:
    """What the cat was told of this installation, the attempts that it refused among it."""
    messages = [json.loads(raw) for _, raw in cat.told]
    return [each["type"].removeprefix("installation.") for each in messages if of(each) == installed["id"]]


def of(message: dict[str, Any]) -> str:
    installation_id: str = message["installation"]["id"]
    return installation_id


def rows(house: House) -> Sequence[AnyRow]:
    """All events, in the order in which they happened."""
    with house.engine.connect() as connection:
        return connection.execute(select(LifecycleEvent.__table__).order_by(LifecycleEvent.sequence)).all()


async def until_attempted(house: House, times: int) -> AnyRow:
    """Wait until the first event was attempted so often, and return it."""
    await until(lambda: len(rows(house)[0].attempt_log) >= times)
    return rows(house)[0]


def by_type(**behaviours: Behaviour) -> Behaviour:
    """Another behaviour for each type of event; a 204 for the rest."""

    async def behaviour(request: Request) -> Response:
        kind = (await request.json())["type"].removeprefix("installation.")
        return await behaviours.get(kind, respond(204, b""))(request)

    return behaviour
