"""Putting a service together: every service's ``create_app`` calls :func:`build_app` with what is its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, cast

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from cathouse import __version__
from cathouse.database import Database, DatabaseUnavailableError, HealthProbe, Idleness
from cathouse.database.health import GOOD_FOR
from cathouse.identity import AccessTokenVerifier, Keyring, PublicKeys, RemoteJwks, read_ec_keys
from cathouse.schema.ownership import ServiceName
from cathouse.web.contract.docs import install_docs
from cathouse.web.contract.idempotency import install_kept_answers
from cathouse.web.contract.openapi import complete_openapi
from cathouse.web.contract.problems import PROBLEM_RESPONSES, install_problem_handlers
from cathouse.web.contract.revalidation import RevalidationMiddleware
from cathouse.web.direct import DirectRoutes
from cathouse.web.ending import Ending
from cathouse.web.health import health_router
from cathouse.web.limits.body import BodyLimitMiddleware
from cathouse.web.limits.by_address import AddressLimits
from cathouse.web.limits.rates import Limiter
from cathouse.web.limits.shedding import SheddingMiddleware
from cathouse.web.observing.metrics import Metrics, Reading, metrics_router
from cathouse.web.observing.requests import RequestMiddleware
from cathouse.web.observing.tracing import Tracing, TracingMiddleware
from cathouse.web.settings import ServiceSettings

CONNECT_ATTEMPTS_IN_PRODUCTION = 5

_logger = structlog.get_logger(__name__)

Provide = Callable[[Database], AbstractAsyncContextManager[dict[str, Any]]]
"""A service's own part of the lifespan: what it makes at start-up, by the names that ``provided`` asks for."""


def build_app(
    service: ServiceName,
    settings: ServiceSettings,
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    provide: Provide,
    callback_keys: Keyring | None = None,
    caller_keys: dict[str, Keyring] | None = None,
) -> FastAPI:
    """A service as an ASGI application. Nothing is opened before its lifespan starts.

    When ``provide`` makes ``public_keys`` (auth-service's own), tokens are checked with them and not over HTTP;
    ``caller_keys`` are those of the services that may call its internal routes; a ``limiter`` that ``provide`` makes,
    and closes, counts for addresses too. ``provided("ending")`` gives this process's :class:`Ending`, for what has no
    end of its own. What ``provide`` makes as ``readings`` is shown to Prometheus (:class:`Reading`).

    Raises:
        ValueError: when the settings do not fit together; the message names the variable.
    """
    settings.check(service)
    token = settings.metrics_token
    metrics = Metrics(service, token=token.get_secret_value() if token else None)
    idleness = Idleness(settings.db_idle_after)
    tracing = settings.tracing(service)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            database = Database.from_settings(settings, service, idleness=idleness)
            if tracing is not None:
                stack.push_async_callback(asyncio.to_thread, tracing.close)
                tracing.begin()
                database.trace = tracing.unit
            stack.push_async_callback(database.close)
            try:
                await database.open(attempts=CONNECT_ATTEMPTS_IN_PRODUCTION if settings.is_production else 1)
            except DatabaseUnavailableError as error:
                app.state.startup_failure = f"{service}-service cannot start: {error.detail}"
                raise
            metrics.watch(database, budget=settings.db_connection_budget)
            probe = HealthProbe(database)
            stack.push_async_callback(probe.close)
            await _report_start(database, probe)
            own = await stack.enter_async_context(provide(database))
            metrics.show(own.pop("readings", ()))
            keys: PublicKeys | None = own.get("public_keys")
            if keys is None:
                remote = RemoteJwks(settings.jwks_url, read=read_ec_keys)
                stack.push_async_callback(remote.close)
                keys = remote
            limiter: Limiter | None = own.get("limiter")
            if limiter is None:
                limiter = await settings.limiter(service)
                stack.push_async_callback(limiter.close)
            metrics.show(
                [
                    Reading(
                        "cathouse_limits_shared",
                        "Whether replicas count together how often something is done (REDIS_URL).",
                        partial(getattr, limiter, "is_shared"),
                    )
                ]
            )
            yield {
                **own,
                "service": service,
                "database": database,
                "health_probe": probe,
                "metrics": metrics,
                "access_tokens": AccessTokenVerifier(keys, issuer=settings.token_issuer, audience=service),
                "callback_keys": callback_keys,
                "caller_keys": caller_keys or {},
                "limiter": limiter,
                "address_limits": AddressLimits(
                    limiter, settings.address_limits(), exempts_loopback=not settings.is_production
                ),
                "ending": Ending(),
            }

    app = Service(
        title=title,
        description=description,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # The framework would redirect to the name in the Host header, which is whatever the client says.
        redirect_slashes=False,
        responses=PROBLEM_RESPONSES,
        generate_unique_id_function=_operation_id,
        # Spans are TracingMiddleware's, for direct routes as well, and hold nothing of what was sent.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=[Middleware(BodyLimitMiddleware), Middleware(RevalidationMiddleware)],
    )
    install_problem_handlers(app)
    install_kept_answers(app)
    for router in (*routers, health_router(service), metrics_router(wants_token=token is not None)):
        app.include_router(router)
    token_url = settings.token_url()
    install_docs(app, token_url=token_url)
    complete_openapi(app, service, token_url=token_url)
    app.surround(
        partial(_layers, service=service, settings=settings, metrics=metrics, idleness=idleness, tracing=tracing)
    )
    return app


def _layers(
    inner: ASGIApp,
    *,
    service: ServiceName,
    settings: ServiceSettings,
    metrics: Metrics,
    idleness: Idleness,
    tracing: Tracing | None,
) -> ASGIApp:
    """What is around the whole application, the outermost last."""
    shedding = SheddingMiddleware(inner, most=settings.most_requests_under_way)
    metrics.show(shedding.readings())
    requests = RequestMiddleware(
        TracingMiddleware(shedding, tracing),
        service=service,
        metrics=metrics,
        idleness=idleness,
        strict_transport=settings.is_production,
        cross_origin=partial(CORSMiddleware, **_cors(settings)),
    )
    return _behind_proxies(requests, settings)


class Service(FastAPI):
    """FastAPI with a way around its own layers, for the routes that are called most."""

    def surround(self, layers: Callable[[ASGIApp], ASGIApp]) -> None:
        """Put ``layers`` around everything; within them the direct routes part from the others.

        To be called once, when all routes are there.
        """
        self._outermost = layers(DirectRoutes(self, super().__call__))

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's layers but the outermost: what nobody expected is for ``RequestMiddleware`` to answer."""
        layers = super().build_middleware_stack()
        return layers.app if isinstance(layers, ServerErrorMiddleware) else layers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan."""
        await self._outermost(scope, receive, send)


async def _report_start(database: Database, probe: HealthProbe) -> None:
    health = await probe.check(wait_s=GOOD_FOR)
    _logger.info(
        "service.start", database=repr(database.url), server=health.server_version, vector=health.vector_version
    )
    if health.status != "healthy":
        _logger.warning(
            "database.not_usable", advice="it answers, and not as a service needs it: `cathouse db check` says why"
        )
    if database.url.ssl_mode in ("require", "prefer") and not database.url.is_local:
        _logger.warning(
            "database.server_not_verified",
            advice=f"sslmode={database.url.ssl_mode} does not prove who the server is; sslmode=verify-full does, with"
            " sslrootcert=FILE where the server's authority is not a public one",
        )
    if health.migration == "out-of-date":
        _logger.warning(
            "database.out_of_date", advice="run `alembic upgrade head` in auth-service; the service goes on"
        )


def _operation_id(route: APIRoute) -> str:
    return route.name


def _behind_proxies(app: ASGIApp, settings: ServiceSettings) -> ASGIApp:
    """Outermost: from here on ``request.client`` is the client, not the proxy in front of us."""
    trusted = settings.trusted_proxies
    return cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted_hosts=trusted)) if trusted else app


def _cors(settings: ServiceSettings) -> dict[str, Any]:
    return {
        "allow_origins": settings.origins(),
        "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": [
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "Last-Event-ID",
            "X-Request-ID",
            "X-Requested-With",
            "traceparent",
        ],
        "expose_headers": [
            "ETag",
            "X-Request-ID",
            "Retry-After",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
            "Proxy-Status",
        ],
        "max_age": 600,
    }
