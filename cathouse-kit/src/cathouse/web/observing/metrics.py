"""What Prometheus reads from a service."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.responses import Response

from cathouse import __version__
from cathouse.database import Database, DueRows, Worker
from cathouse.identity import AuthenticationRequiredError, InvalidTokenError, public
from cathouse.web.contract.generators import EVERY_SERVICES_TAG
from cathouse.web.provided import provided

_bearer = HTTPBearer(auto_error=False, scheme_name="Metrics", description="METRICS_TOKEN.")


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure that is kept elsewhere, and read when Prometheus asks.

    A name that ends in ``_total`` is a counter's, which only grows; any other a gauge's. Readings of one name differ
    in their ``labels``.
    """

    name: str
    text: str
    read: Callable[[], float]
    labels: Mapping[str, str] = field(default_factory=dict)


def work_readings(workers: Iterable[Worker], due: Mapping[str, DueRows]) -> Iterator[Reading]:
    """Of work beside the requests: how often it failed, and how late it is; ``due`` by the names of what is due."""
    for worker in workers:
        yield Reading(
            "cathouse_worker_failures_total",
            "Times that work beside the requests failed; it is tried again.",
            partial(getattr, worker, "failures"),
            {"worker": worker.name},
        )
    for work, rows in due.items():
        yield Reading(
            "cathouse_due_late_seconds",
            "How long what was due longest had waited when it was taken.",
            partial(getattr, rows, "late_s"),
            {"work": work},
        )


class _Readings(Collector):
    def __init__(self, service: str, readings: Sequence[Reading]) -> None:
        self._service = service
        self._readings = readings

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Read all of them now."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for each in self._readings:
            if each.name not in families:
                kind = CounterMetricFamily if each.name.endswith("_total") else GaugeMetricFamily
                families[each.name] = kind(each.name, each.text, labels=("service", *each.labels))
            families[each.name].add_metric((self._service, *each.labels.values()), each.read())
        yield from families.values()


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
        version = Gauge("cathouse_build_info", "The version that runs.", ("service", "version"), registry=self.registry)
        version.labels(service, __version__).set(1)
        ProcessCollector(registry=self.registry)  # memory, processor time, open files
        # To look a series up by its labels takes longer than to count.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def show(self, readings: Iterable[Reading]) -> None:
        """Show ``readings`` from now on."""
        self.registry.register(_Readings(self._service, tuple(readings)))

    def watch(self, database: Database, *, budget: int) -> None:
        """Show the connections of ``database``; ``budget`` is what all services together may open."""
        self.show(
            (
                Reading(
                    "cathouse_database_connections_max",
                    "Connections that this process may open.",
                    lambda: database.gate.places,
                ),
                Reading(
                    "cathouse_database_connections_budget",
                    "Connections that all services together may open.",
                    lambda: budget,
                ),
                Reading(
                    "cathouse_database_connections_open",
                    "Connections that are open, idle ones among them.",
                    database.count_connections,
                ),
                Reading(
                    "cathouse_database_connections_in_use", "Units of work under way.", lambda: database.gate.in_use
                ),
                Reading(
                    "cathouse_database_waiting",
                    "Units of work that wait for a connection.",
                    lambda: database.gate.waiting,
                ),
            )
        )
        waits = Histogram(
            "cathouse_database_wait_seconds",
            "How long a unit of work waited for a connection.",
            ("service",),
            buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30),
            registry=self.registry,
        )
        database.gate.on_wait = waits.labels(self._service).observe

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
    router = APIRouter(tags=[EVERY_SERVICES_TAG])
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
