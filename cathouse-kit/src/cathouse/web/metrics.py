"""What Prometheus reads from a service."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response

from cathouse.database import Database
from cathouse.identity import AuthenticationRequiredError, InvalidTokenError, public
from cathouse.web.settings import ServiceSettings

_bearer = HTTPBearer(auto_error=False, scheme_name="Metrics", description="METRICS_TOKEN.")


class Metrics:
    """A service's own registry, so that several services can live in one process."""

    def __init__(self, service: str) -> None:
        """Every series carries the service's name."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cathouse_http_requests_total",
            "Requests answered.",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cathouse_http_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ("service", "method", "route"),
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
            registry=self.registry,
        )
        self._service = service

    def watch(self, database: Database) -> None:
        """Show the state of the gate in front of the connection pool."""
        for name, text, read in (
            (
                "cathouse_database_connections_max",
                "Connections that this process may open.",
                lambda: database.gate.places,
            ),
            ("cathouse_database_connections_in_use", "Units of work under way.", lambda: database.gate.in_use),
            ("cathouse_database_waiting", "Units of work that wait for a connection.", lambda: database.gate.waiting),
        ):
            gauge = Gauge(name, text, ("service",), registry=self.registry)
            gauge.labels(self._service).set_function(read)

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; ``route`` is the template, never the path."""
        self._requests.labels(self._service, method, route, str(status)).inc()
        self._seconds.labels(self._service, method, route).observe(seconds)


def metrics_router(metrics: Metrics, settings: ServiceSettings) -> APIRouter:
    """``GET /metrics``; in production it wants ``METRICS_TOKEN``."""
    router = APIRouter(tags=["operations"])
    expected = settings.metrics_token.get_secret_value() if settings.metrics_token else None

    @router.get("/metrics", dependencies=[public], response_class=Response)
    async def read_metrics(
        _request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Response:
        """Everything that is counted, in Prometheus's text format."""
        if expected is not None:
            if sent is None:
                raise AuthenticationRequiredError("Send METRICS_TOKEN: Authorization: Bearer …")
            if not hmac.compare_digest(sent.credentials.encode(), expected.encode()):
                raise InvalidTokenError
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
