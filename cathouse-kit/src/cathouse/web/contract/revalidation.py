"""``ETag`` and ``If-None-Match``: who has an answer already asks whether it still is the answer (RFC 9110).

A route takes part by the mark ``@revalidated``. Its answer is made as ever; what is saved is the way back.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse.web.contract.openapi import Additions, documented

_MARK = "is_revalidated"
_TAG_BYTES = 16

# RFC 9110 section 8.8.3: a comma may stand within a tag, a quotation mark may not.
_TAG = r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")'
_TAGS = re.compile(rf"[ \t]*(?:{_TAG}[ \t]*)?(?:,[ \t]*(?:{_TAG}[ \t]*)?)*")

# They tell of a body, and there is none.
_OF_THE_BODY = ("content-length", "content-type")

_HEADERS = {
    "ETag": {"description": "Send it as If-None-Match the next time.", "schema": {"type": "string"}},
    "Cache-Control": {
        "description": "`no-cache`: it may be kept, and is asked for again each time; `private` where somebody is"
        " signed in.",
        "schema": {"type": "string"},
    },
}

_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETags of answers that are there already, or `*`. When one of them holds: 304.",
    "schema": {"type": "string"},
}

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


def revalidated(function: CallableT) -> CallableT:
    """Mark a GET's function: its answer may be kept by browsers, and is asked for again each time."""
    responses: dict[str, dict[str, Any]] = {
        "200": {"headers": _HEADERS},
        "304": {"description": "What was sent before still holds.", "headers": _HEADERS},
    }
    # A mark and no dependency: that would cost each request more than all the rest of this module.
    vars(function)[_MARK] = True
    return documented(Additions(responses, parameters=[_IF_NONE_MATCH]))(function)


def is_revalidated(function: object) -> bool:
    """Whether a route's function has the mark."""
    return hasattr(function, _MARK)


def holds(if_none_match: str, tag: str) -> bool:
    """Whether what the client has, as its ``If-None-Match`` lists it, still is the answer whose ETag is ``tag``.

    Compared weakly, as RFC 9110 section 13.1.2 wants it. A list that is malformed is as good as none.
    """
    if if_none_match.strip(" \t") == "*":
        return True
    return _TAGS.fullmatch(if_none_match) is not None and tag in re.findall(_TAG, if_none_match)


class RevalidationMiddleware:
    """Gives the answers of marked routes their ETag, and sends 304 in their place where the client has them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; what is no GET passes."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_or_spare(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                if message["status"] == 200 and is_revalidated(scope.get("endpoint")):
                    held = message  # its headers depend on the body that follows
                    return
            elif held is not None:
                start, held = held, None
                if not message.get("more_body"):  # of a stream nobody knows the end
                    message = _revalidate(scope, start, message)
                await send(start)
            await send(message)

        await self._app(scope, receive, send_or_spare)


async def send_revalidated(scope: Scope, send: Send, response: Response) -> None:
    """Send ``response``, an answer to a GET that is there as a whole, with its ETag, or 304 in its place."""
    start: Message = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": response.raw_headers,
    }
    body = _revalidate(scope, start, {"type": "http.response.body", "body": response.body})
    await send(start)
    await send(body)


def _revalidate(scope: Scope, start: Message, body: Message) -> Message:
    """Complete the headers of ``start``, and return what follows it: ``body``, or nothing after a 304."""
    tag = f'"{hashlib.blake2b(body.get("body", b""), digest_size=_TAG_BYTES).hexdigest()}"'
    asked = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
    is_signed_in = any(name == b"authorization" for name, _ in scope["headers"])
    headers = MutableHeaders(raw=start["headers"])
    headers["ETag"] = tag
    # no-cache: without asking nobody may use it, since the next moment may withdraw a cat.
    headers["Cache-Control"] = "private, no-cache" if is_signed_in else "public, no-cache"
    headers.add_vary_header("Authorization")  # a cat's owner sees more of it
    if not asked or not holds(", ".join(asked), tag):
        return body
    start["status"] = 304
    for name in _OF_THE_BODY:
        del headers[name]
    return {"type": "http.response.body"}
