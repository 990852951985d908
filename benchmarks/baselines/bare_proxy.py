"""A POST passed through by the shortest usual way: a bare ASGI application and aiohttp's pooled client."""

import os

import aiohttp
from starlette.types import Receive, Scope, Send

from benchmarks.baselines.serving import serve

CAT_URL = os.environ["CAT_URL"]


class BareProxy:
    """The application; its client is opened and closed with it."""

    _client: aiohttp.ClientSession

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await receive()
            connector = aiohttp.TCPConnector(limit=100)
            async with aiohttp.ClientSession(connector=connector) as self._client:
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["method"] == "POST":
            await self._pass(receive, send)
        else:
            await _answer(send, 200, "application/json", b"{}")

    async def _pass(self, receive: Receive, send: Send) -> None:
        body, goes_on = b"", True
        while goes_on:
            message = await receive()
            body += message.get("body", b"")
            goes_on = message.get("more_body", False)
        async with self._client.post(CAT_URL, data=body, headers={"Content-Type": "application/json"}) as answer:
            await _answer(send, answer.status, answer.headers["Content-Type"], await answer.read())


async def _answer(send: Send, status: int, media_type: str, body: bytes) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    serve(BareProxy())
