"""What happens around every request: its id, its log line, its figures, and the headers of the answer."""

import random
import re
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse.database import Idleness, Usage, measured
from cathouse.web.contract.event_streams import begins_event_stream
from cathouse.web.contract.problems import unexpected_error_response
from cathouse.web.observing.metrics import Metrics
from cathouse.web.observing.watchers import ALWAYS_ANSWERED

_REQUEST_ID = re.compile(rb"^[A-Za-z0-9._-]{1,64}$")
# Asked by machines that watch us: no reason to keep the database awake, nor, but for who fetches keys, for a log line.
_NOT_SERVING = ALWAYS_ANSWERED
_QUIET_ROUTES = ALWAYS_ANSWERED - {"/.well-known/jwks.json"}

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Tokens and personal data are in most answers; what may be kept says so itself.
    "Cache-Control": "no-store",
}
_STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}

# A generator of its own, which nobody else seeds: not secret, and a question to the kernel less for each request.
_IDS = random.Random()  # noqa: S311

_logger = structlog.get_logger(__name__)


class RequestMiddleware:
    """The layer around everything. Plain ASGI, so that streams pass through it as they come."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        metrics: Metrics,
        idleness: Idleness,
        strict_transport: bool,
        cross_origin: Callable[[ASGIApp], ASGIApp],
    ) -> None:
        """``strict_transport`` adds HSTS: for production, behind TLS. ``cross_origin`` makes the layer for browsers."""
        self._app = app
        self._idleness = idleness
        self._service = service
        self._metrics = metrics
        headers = {**_HEADERS, **(_STRICT_TRANSPORT if strict_transport else {})}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        # Around the rest, so that a browser can also read what an unexpected error says.
        self._to_browser = cross_origin(self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes pass."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _with_plain_failure(scope, send))
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif b"origin" in dict(scope["headers"]):
            await self._to_browser(scope, receive, send)
        else:
            await self._answer(scope, receive, send, has_origin=False)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, has_origin: bool = True) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        streams_from: float | None = None
        status = 0
        is_served = scope["path"] not in _NOT_SERVING
        if is_served:
            self._idleness.served()

        async def send_with_headers(message: Message) -> None:
            nonlocal status, streams_from
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                present = dict(headers)
                headers += [header for header in self._headers if header[0] not in present]
                if not has_origin:
                    # The layer for browsers says so by itself: without an origin this is not the answer for them.
                    _add_vary(headers)
                if begins_event_stream(present.items()):
                    streams_from = time.perf_counter()
            await send(message)

        with structlog.contextvars.bound_contextvars(service=self._service, request_id=request_id), measured() as usage:
            try:
                await self._app(scope, receive, send_with_headers)
            except ClientDisconnect:
                status = 499
            except Exception:
                _logger.exception("request.unexpected_error")
                if status:
                    raise  # the answer has begun: the server cuts the connection, so that nobody takes it for whole
                await unexpected_error_response(scope)(scope, receive, send_with_headers)
            finally:
                if is_served:
                    self._idleness.served()  # from its end on: an answer can take longer than makes a service idle
                # A stream takes as long as its client likes: what can be slow about it is its beginning.
                ended = time.perf_counter()
                streamed = {} if streams_from is None else {"stream_s": round(ended - streams_from, 1)}
                self._record(scope, status or 500, (streams_from or ended) - started, usage, streamed)

    def _record(self, scope: Scope, status: int, seconds: float, usage: Usage, streamed: Mapping[str, float]) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.observe(method=scope["method"], route=route, status=status, seconds=seconds)
        if route not in _QUIET_ROUTES:
            _logger.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                duration_ms=round(seconds * 1000, 1),
                database_ms=round(usage.seconds * 1000, 1),
                round_trips=usage.round_trips,
                **({"user": user} if (user := scope["state"].get("user")) else {}),
                **streamed,
            )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            return str(value, "ascii")
    return f"{_IDS.getrandbits(128):032x}"


def _add_vary(headers: list[tuple[bytes, bytes]]) -> None:
    varies = [header for header in headers if header[0] == b"vary"]
    for header in varies:
        headers.remove(header)
    headers.append((b"vary", b", ".join((*(value for _, value in varies), b"Origin"))))


def _with_plain_failure(scope: MutableMapping[str, Any], send: Send) -> Send:
    """A start-up that failed for a reason which we can name is told in one line, without its traceback."""

    async def send_plain(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed" and (
            reason := getattr(scope["app"].state, "startup_failure", None)
        ):
            message = {**message, "message": reason}
        await send(message)

    return send_plain
