"""What Prometheus reads from a service."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response

from cathouse.database import Database
from cathouse.identity import AuthenticationRequiredError, InvalidTokenError, public
from cathouse.web.provided import provided

_bearer = HTTPBearer(auto_error=False, scheme_name="Metrics", description="METRICS_TOKEN.")


class Metrics:
    """A service's own registry, so that several services can live in one process."""

    def __init__(self, service: str, *, token: str | None) -> None:
        """Every series carries the service's name; ``token`` is METRICS_TOKEN."""
        self.token = token
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cathouse_http_requests_total",
            "Requests answered.",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cathouse_http_request_seconds",
            "Time from a request's first byte to its answer's last; of a stream of events to its beginning.",
            ("service", "method", "route"),
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
            registry=self.registry,
        )
        self._service = service
        # To look a series up by its labels takes longer than to count.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

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
        try:
            answered, took = self._series[method, route, status]
        except KeyError:
            answered = self._requests.labels(self._service, method, route, str(status))
            took = self._seconds.labels(self._service, method, route)
            self._series[method, route, status] = answered, took
        answered.inc()
        took.observe(seconds)


def metrics_router(*, wants_token: bool) -> APIRouter:
    """``GET /metrics``; with METRICS_TOKEN it is for who has that, without one for everybody."""
    router = APIRouter(tags=["operations"])
    router.add_api_route(
        "/metrics",
        read_metrics,
        dependencies=[public],
        response_class=Response,
        openapi_extra=None if wants_token else {"security": [{}]},
    )
    return router


# At the top of its module: FastAPI remembers every path function for good, and what a closure holds with it.
async def read_metrics(
    metrics: Annotated[Metrics, provided("metrics")],
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Response:
    """Everything that is counted, in Prometheus's text format."""
    if metrics.token is not None:
        if sent is None:
            raise AuthenticationRequiredError("Send METRICS_TOKEN: Authorization: Bearer …")
        if not hmac.compare_digest(sent.credentials.encode(), metrics.token.encode()):
            raise InvalidTokenError
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
