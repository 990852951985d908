"""The demo cat: what a developer's own server would be, as small as it can be.

When a player talks to it, it counts the visits in its storage and sends a notification if asked to. One process answers
for all seeded cats, each under its own path and with its own secret.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cathouse.cat import CallbackError, Cat, Event, House, InstallationMessage
from cathouse.identity import KeyUse, cat_signing_secret, derive, parse_roots
from cathouse.local.seed import SEEDED_ROOT
from cathouse.local.seed_data import CATS

LONGEST_NAP_S = 20.0


def make_demo_cat(secrets: Mapping[str, str]) -> Starlette:
    """An application that answers under ``/SLUG`` for every slug in ``secrets``, which may grow later."""
    cats = _Cats(secrets)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await cats.aclose()

    async def alive(_request: Request) -> Response:
        return JSONResponse({"cats": sorted(secrets)})

    return Starlette(
        lifespan=lifespan, routes=[Route("/{slug}", cats, methods=["POST"]), Route("/", alive, methods=["GET"])]
    )


def seeded_secrets(platform_secret: str) -> dict[str, str]:
    """The secrets of the seeded cats, by slug.

    A real cat's developer reads the secret from the catalog; here the platform's root is at hand.
    """
    keys = derive(parse_roots(platform_secret), KeyUse.CAT_SIGNING)
    return {cat.slug: cat_signing_secret(keys, root_id=SEEDED_ROOT, cat_id=cat.id, version=1) for cat in CATS}


class _Cats:
    """A cat for every slug, made when it is first called."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._by_secret: dict[str, Cat] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        secret = self._secrets.get(scope["path_params"]["slug"])
        if secret is None:
            await JSONResponse({"error": "There is no such cat here."}, 404)(scope, receive, send)
            return
        if secret not in self._by_secret:
            self._by_secret[secret] = _make_cat(secret)
        await self._by_secret[secret](scope, receive, send)

    async def aclose(self) -> None:
        for cat in self._by_secret.values():
            await cat.aclose()


def _make_cat(secret: str) -> Cat:
    cat = Cat(secret)
    cat.interaction(_answer)
    cat.stream(_tell)
    return cat


async def _answer(message: InstallationMessage, house: House) -> dict[str, Any]:
    said = message.input
    wish = said if isinstance(said, dict) else {"say": said}
    output: dict[str, Any] = {"say": f"{message.installation.instance_name} purrs.", "heard": wish.get("say")}
    if "storage" in message.permissions:
        output["visits"] = await _count_visit(house)
    if "notify" in wish:
        output["notification"] = await _notify(house, str(wish["notify"]))
    if "nap_s" in wish:
        await asyncio.sleep(min(float(wish["nap_s"]), LONGEST_NAP_S))
    return output


async def _count_visit(house: House) -> int:
    found = await house.storage.get("visits")
    visits = int(found.value) + 1 if found else 1
    await house.storage.put("visits", visits)
    return visits


async def _notify(house: House, text: str) -> dict[str, Any]:
    try:
        await house.notify("A word from your cat", text)
    except CallbackError as error:
        return {"status": error.status, "code": error.code}
    return {"status": 201, "code": None}


async def _tell(message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
    for number, word in enumerate(f"{message.installation.instance_name} tells a story .".split()):
        yield Event(word, event="word", id=str(number))
        await asyncio.sleep(0.05)
    yield Event({}, event="end")
