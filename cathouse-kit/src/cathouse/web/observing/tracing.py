"""Traces: one request followed through all services, to a cat and back.

What came with a request's ``traceparent`` goes on to whoever is called for it, also where nothing is recorded here.
With OTEL_EXPORTER_OTLP_ENDPOINT each step is recorded as well, and sent there (OTLP over HTTP) beside the requests.
Nothing that somebody said is part of a span: no body, no query, no address of a person, no text of an error.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry import context as contexts
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cathouse.database import Usage, current_usage
from cathouse.errors import ServiceError
from cathouse.web.observing.watchers import ALWAYS_ANSWERED

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""https://www.w3.org/TR/trace-context/, version 00."""

_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)


class Tracing:
    """Records a service's spans."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("cathouse")

    @classmethod
    def open(cls, service: str, *, endpoint: str, headers: Mapping[str, str], ratio: float) -> "Tracing":
        """It, for spans that go to ``endpoint``; ``ratio`` is the part of all traces that is recorded.

        Raises:
            ValueError: the libraries for it are not installed.
        """
        try:
            from cathouse.web.observing.span_export import make_provider  # noqa: PLC0415 - megabytes that most have no use for
        except ImportError:
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed:"
                " pip install 'cathouse-kit[tracing]'"
            ) from None
        return cls(make_provider(service, endpoint=endpoint, headers=headers, ratio=ratio))

    def close(self) -> None:
        """Send what is left, for some seconds at most; it blocks."""
        self._provider.shutdown()

    def begin(self) -> None:
        """Let what this task calls be recorded, also beside requests."""
        _tracer.set(self._tracer)

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Span]:
        """A request that is answered; its units of work are parts of it."""
        _tracer.set(self._tracer)
        attributes = {"http.request.method": scope["method"], "cathouse.request_id": scope["state"]["request_id"]}
        with self._tracer.start_as_current_span(
            scope["method"],
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            if (usage := current_usage()) is not None:
                usage.span = span
            try:
                yield span
            except Exception as error:
                _fail(span, error)
                raise
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
                if (user := scope["state"].get("user")) is not None:
                    span.set_attribute("user.hash", user)

    @contextmanager
    def unit(self, kind: str, usage: Usage) -> Iterator[None]:
        """A unit of work of a request; what is done beside requests is no part of any trace."""
        if usage.span is None:
            yield
            return
        round_trips, waited_s = usage.round_trips, usage.waited_s
        span = self._tracer.start_span(
            f"database {kind}",
            context=set_span_in_context(usage.span),
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.operation.name": kind},
        )
        try:
            yield
        except BaseException as error:
            _fail(span, error)
            raise
        finally:
            span.set_attribute("cathouse.database.round_trips", usage.round_trips - round_trips)
            span.set_attribute("cathouse.database.wait_ms", round((usage.waited_s - waited_s) * 1000, 2))
            span.end()


class TracingMiddleware:
    """Makes each request a part of its caller's trace, and records it where that is wanted."""

    def __init__(self, app: ASGIApp, tracing: Tracing | None) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scopes, and who watches us, pass."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        traceparent = dict(scope["headers"]).get(b"traceparent")
        if self._tracing is None and traceparent is None:
            await self._app(scope, receive, send)
            return
        with continued(traceparent):
            if self._tracing is None:
                await self._app(scope, receive, send)
            else:
                with self._tracing.request(scope) as span:
                    await self._app(scope, receive, partial(_send_and_note, send, span))


async def _send_and_note(send: Send, span: Span, message: Message) -> None:
    if message["type"] == "http.response.start":
        status = message["status"]
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(StatusCode.ERROR)
    await send(message)


@contextmanager
def continued(traceparent: bytes | None) -> Iterator[None]:
    """Within the block, be a part of the trace that a caller has begun; anything that is no trace is nothing."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if found is None:
        yield
        return
    trace_id, span_id, flags = (int(each, 16) for each in found.groups())
    parent = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))
    if not parent.is_valid:
        yield
        return
    token = contexts.attach(set_span_in_context(NonRecordingSpan(parent)))
    try:
        yield
    finally:
        contexts.detach(token)


def calling(name: str, **attributes: object) -> AbstractContextManager["Call"]:
    """A block that is a call of somebody else, for which this task waits; ``attributes`` are noted as text."""
    tracer = _tracer.get()
    return nullcontext(Call(get_current_span())) if tracer is None else _recorded(tracer, name, attributes)


@contextmanager
def _recorded(tracer: Tracer, name: str, attributes: Mapping[str, object]) -> Iterator["Call"]:
    noted = {key: str(value) for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=noted, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield Call(span)
        except BaseException as error:
            _fail(span, error)
            raise


class Call:
    """A call that is made now."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def headers(self) -> Mapping[str, str]:
        """What makes whoever is called a part of the trace; none when there is no trace."""
        context = self._span.get_span_context()
        if not context.is_valid:
            return {}
        return {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}

    def answered(self, status: int) -> None:
        """Note what came back."""
        self._span.set_attribute("http.response.status_code", status)


def _fail(span: Span, error: BaseException) -> None:
    # Never its text: an exception can quote what it failed on.
    span.set_attribute("error.type", error.code if isinstance(error, ServiceError) else type(error).__name__)
    span.set_status(StatusCode.ERROR)
