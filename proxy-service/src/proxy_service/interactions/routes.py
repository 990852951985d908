"""Interactions over HTTP."""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from cathouse.identity import CurrentPlayer
from cathouse.web import provided
from proxy_service.egress.errors import PROXY_NAME
from proxy_service.interactions.schemas import InteractionRequest
from proxy_service.interactions.service import EVENT_STREAM, InteractionService, ReplyStream

router = APIRouter(tags=["interactions"])

T = TypeVar("T")

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What the cat answered, as it is.",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["output"], "properties": {"output": {}}}},
            EVENT_STREAM: {"schema": {"type": "string"}},
        },
    }
}


@router.post("/api/v1/installations/{installation_id}/interactions", response_class=Response, responses=_ANSWERS)
async def interact(
    installation_id: uuid.UUID,
    interaction: InteractionRequest,
    player: CurrentPlayer,
    request: Request,
    interactions: Annotated[InteractionService, provided("interactions")],
) -> Response:
    """Say something to a cat. With ``Accept: text/event-stream`` the cat may answer with events as they come.

    What is said and answered passes through: it is neither stored nor logged here.
    """
    accept = EVENT_STREAM if EVENT_STREAM in request.headers.get("accept", "") else "application/json"
    reply = await _unless_client_leaves(
        request, interactions.interact(player.user_id, installation_id, interaction.input, accept=accept)
    )
    headers = dict(reply.headers)
    if isinstance(reply, ReplyStream):
        return _Relay(reply)
    if reply.status >= 400:
        headers["Proxy-Status"] = f"{PROXY_NAME}; received-status={reply.status}"
    return Response(reply.body, status_code=reply.status, headers=headers)


class _Relay(StreamingResponse):
    """Passes a cat's events on, and closes the connection to the cat however that ends: also before it has begun."""

    def __init__(self, reply: ReplyStream) -> None:
        # Nginx and its like must not gather what is meant to arrive at once.
        headers = {**reply.headers, "X-Accel-Buffering": "no"}
        super().__init__(reply.events(), status_code=reply.status, headers=headers)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._reply.close()


async def _unless_client_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Run ``work``, but end it (and with it the call to the cat) at once when the client goes away.

    Raises:
        ClientDisconnect: when it did.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
