"""Recording spans and sending them away. Imported only where that is wanted: it takes megabytes."""

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

TIMEOUT_S = 2
"""For each batch; one that is not taken meanwhile is lost, and told in the log.

A service that ends waits for the batch under way and for the last one: for a collector that hangs, twice as long.
"""


def make_provider(service: str, *, endpoint: str, headers: Mapping[str, str], ratio: float) -> TracerProvider:
    """A provider that sends ``ratio`` of all traces to ``endpoint``: by their ids, so each service picks the same."""
    by_id = TraceIdRatioBased(ratio)
    provider = TracerProvider(
        # Whether a client out there wants to be recorded is not for it to say.
        sampler=ParentBased(by_id, remote_parent_sampled=by_id, remote_parent_not_sampled=by_id),
        resource=Resource.create({"service.name": f"{service}-service", "service.namespace": "cathouse"}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
