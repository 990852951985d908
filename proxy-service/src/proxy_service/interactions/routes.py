"""Interactions over HTTP."""

import asyncio
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from cathouse.identity import CurrentPlayer
from cathouse.web import Ending, direct, provided
from proxy_service.disconnects import unless_client_leaves
from proxy_service.egress.errors import PROXY_NAME
from proxy_service.interactions.replies import EVENT_STREAM, STREAM_TOTAL_S, ReplyStream
from proxy_service.interactions.schemas import InteractionRequest
from proxy_service.interactions.service import InteractionService
from proxy_service.loop_guard import breaks_loops

router = APIRouter(tags=["interactions"])

FAREWELL_S = 5.0
"""What a player has, beyond a stream's longest time, to read what came last."""

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What the cat answered, as it is.",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["output"], "properties": {"output": {}}}},
            EVENT_STREAM: {
                "schema": {"type": "string"},
                "example": 'event: word\ndata: "Once"\n\nevent: end\ndata: {"visits": 3}\n\n',
            },
        },
    }
}


@router.post(
    "/api/v1/installations/{installation_id}/interactions",
    response_class=Response,
    responses=_ANSWERS,
    dependencies=[breaks_loops],
)
@direct
async def interact(
    installation_id: uuid.UUID,
    interaction: InteractionRequest,
    player: CurrentPlayer,
    request: Request,
    interactions: Annotated[InteractionService, provided("interactions")],
    ending: Annotated[Ending, provided("ending")],
) -> Response:
    """Say something to a cat. With ``Accept: text/event-stream`` the cat may answer with events as they come.

    They are Server-Sent Events of the cat's own kinds. A cat that has none answers with JSON all the same: look at the
    `Content-Type`. What goes wrong once the events have begun is told in a last one, `error`, whose `data` has a `code`
    and a `detail`. A stream lasts five minutes at most.

    What is said and answered passes through: it is neither stored nor logged here.
    """
    accept = EVENT_STREAM if EVENT_STREAM in request.headers.get("accept", "") else "application/json"
    reply = await unless_client_leaves(
        request, interactions.interact(player.user_id, installation_id, interaction.input, accept=accept)
    )
    if isinstance(reply, ReplyStream):
        return _Relay(reply, ending)
    headers = dict(reply.headers)
    if reply.status >= 400:
        headers["Proxy-Status"] = f"{PROXY_NAME}; received-status={reply.status}"
    return Response(reply.body, status_code=reply.status, headers=headers)


class _Relay(StreamingResponse):
    """Passes a cat's events on, and closes the connection to the cat however that ends: also before it has begun."""

    def __init__(self, reply: ReplyStream, ending: Ending) -> None:
        # Nginx and its like must not gather what is meant to arrive at once.
        headers = {**reply.headers, "X-Accel-Buffering": "no"}
        super().__init__(reply.events(), status_code=reply.status, headers=headers)
        self._reply = reply
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._ending.told(self._reply.end_soon):
                # The cat is held to its time where it is waited for; this is for a player who does not read.
                async with asyncio.timeout(STREAM_TOTAL_S + FAREWELL_S):
                    await super().__call__(scope, receive, send)
        except TimeoutError:
            raise ClientDisconnect from None
        finally:
            await self._reply.close()
