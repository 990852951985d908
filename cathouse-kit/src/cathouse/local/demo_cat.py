"""The demo cat: what a developer's own server would be, as small as it can be.

It checks every message with the stock Standard Webhooks library, answers challenges, and when a player talks to it,
counts the visits in its storage and sends a notification if asked to; both through the callback token of the message.
One process answers for all seeded cats, each under its own path and with its own secret.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cathouse.identity import KeyUse, cat_signing_secret, derive, parse_roots
from cathouse.local.seed import SEEDED_ROOT
from cathouse.local.seed_data import CATS
from cathouse.tls import client_tls

CALLBACK_TIMEOUT_S = 5.0
LONGEST_NAP_S = 20.0

Message = Mapping[str, Any]


def make_demo_cat(secrets: Mapping[str, str]) -> Starlette:
    """An application that answers under ``/SLUG`` for every slug in ``secrets``, which may grow later."""
    state: dict[str, httpx.AsyncClient] = {}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=CALLBACK_TIMEOUT_S, trust_env=False, verify=client_tls()) as http:
            state["http"] = http
            yield

    async def hear(request: Request) -> Response:
        secret = secrets.get(request.path_params["slug"])
        if secret is None:
            return JSONResponse({"error": "there is no such cat here"}, status_code=404)
        body = await request.body()
        try:
            Webhook(secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            return JSONResponse({"error": "the signature is not Cat House's"}, status_code=400)
        message = json.loads(body)
        if message["type"] == "challenge":
            return JSONResponse({"challenge": message["challenge"]})
        if message["type"] != "interaction":
            return JSONResponse({})  # a ping or a lifecycle event: heard
        if "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(_tell(message), media_type="text/event-stream")
        return JSONResponse({"output": await _answer(message, state["http"])})

    async def alive(_request: Request) -> Response:
        return JSONResponse({"cats": sorted(secrets)})

    return Starlette(
        lifespan=lifespan, routes=[Route("/{slug}", hear, methods=["POST"]), Route("/", alive, methods=["GET"])]
    )


def seeded_secrets(platform_secret: str) -> dict[str, str]:
    """The secrets of the seeded cats, by slug.

    A real cat's developer reads the secret from the catalog; here the platform's root is at hand.
    """
    keys = derive(parse_roots(platform_secret), KeyUse.CAT_SIGNING)
    return {cat.slug: cat_signing_secret(keys, root_id=SEEDED_ROOT, cat_id=cat.id, version=1) for cat in CATS}


async def _answer(message: Message, http: httpx.AsyncClient) -> dict[str, Any]:
    said = message["input"]
    wish = said if isinstance(said, dict) else {"say": said}
    callback = message["callback"]
    headers = {"Authorization": f"Bearer {callback['token']}"}
    output: dict[str, Any] = {"say": f"{message['installation']['instance_name']} purrs.", "heard": wish.get("say")}
    if "storage" in message["permissions"]:
        output["visits"] = await _count_visit(http, callback["installation_url"], headers)
    if "notify" in wish:
        output["notification"] = await _notify(http, callback["installation_url"], headers, str(wish["notify"]))
    if "nap_s" in wish:
        await asyncio.sleep(min(float(wish["nap_s"]), LONGEST_NAP_S))
    return output


async def _count_visit(http: httpx.AsyncClient, base_url: str, headers: dict[str, str]) -> int:
    url = f"{base_url}/api/v1/cat/storage/visits"
    found = await http.get(url, headers=headers)
    visits = int(found.json()["value"]) + 1 if found.status_code == httpx.codes.OK else 1
    kept = await http.put(url, headers=headers, json=visits)
    kept.raise_for_status()
    return visits


async def _notify(http: httpx.AsyncClient, base_url: str, headers: dict[str, str], text: str) -> dict[str, Any]:
    body = {"title": "A word from your cat", "body": text}
    answer = await http.post(f"{base_url}/api/v1/cat/notifications", headers=headers, json=body)
    return {"status": answer.status_code, "code": answer.json().get("code")}


async def _tell(message: Message) -> AsyncIterator[str]:
    for number, word in enumerate(f"{message['installation']['instance_name']} tells a story .".split()):
        yield f"id: {number}\nevent: word\ndata: {json.dumps(word)}\n\n"
        await asyncio.sleep(0.05)
    yield "event: end\ndata: {}\n\n"
