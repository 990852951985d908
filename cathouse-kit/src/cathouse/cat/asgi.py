"""The little of ASGI that a cat needs."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cathouse.cat.errors import Refusal

LARGEST_BODY = (1024 + 128) * 1024
"""Bytes: what a player may say (1 MiB), and the envelope around it."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        Refusal: it is larger than what Cat House sends. ClientLeftError: it did not come to its end.
    """
    body = bytearray()
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise ClientLeftError
        body += part.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise Refusal(413, f"More than {LARGEST_BODY} bytes.")
        if not part.get("more_body", False):
            return bytes(body)


async def answer_with(send: Send, status: int, document: dict[str, Any] | bytes = b"", **headers: str) -> None:
    """Send a whole answer: a JSON document, or one that is encoded already, or nothing."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    if body:
        named += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})
