"""How large a request may be.

FastAPI's ``max_body_size`` answers in plain text; every error of ours is a problem document, so the limit is here.
"""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse.web.contract.problems import framework_error_response

LARGEST_BODY = 1024 * 1024
"""Bytes; design/api.md."""

_DETAIL = f"The body is larger than {LARGEST_BODY // 1024} KiB."


class BodyLimitMiddleware:
    """Refuses a body that is announced too large before a byte of it is read, any other when it has grown too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isascii() and announced.isdigit() and int(announced) > LARGEST_BODY:
            await framework_error_response(scope, 413, _DETAIL)(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LARGEST_BODY:
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, receive_limited, send)
