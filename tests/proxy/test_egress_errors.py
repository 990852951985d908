"""What callers are told of calls to the outside that came to nothing: design/api.md, "Failures", and RFC 9209."""

import time

import pytest

from cathouse.errors import ServiceError
from proxy_service.egress import errors
from proxy_service.egress.phases import Stopwatch

TOLD: list[tuple[ServiceError, int, str, str]] = [
    (errors.DestinationUnavailableError(), 502, "destination_unavailable", "destination_unavailable"),
    (errors.TlsError(), 502, "tls_certificate_error", "tls_certificate_error"),
    (errors.ConnectTimeoutError(3), 504, "connection_timeout", "connection_timeout"),
    (errors.AnswerTimeoutError(15), 504, "http_response_timeout", "http_response_timeout"),
    (errors.MalformedAnswerError("?"), 502, "malformed_answer", "http_protocol_error"),
    (errors.AnswerTooLargeError(5 * 1024 * 1024), 502, "answer_too_large", "http_response_body_size"),
    (errors.CatFailedError(500), 502, "cat_failed", "http_response_status"),
    (errors.ServiceEndingError(), 503, "service_restarting", "proxy_internal_error"),
    (errors.LoopError(), 502, "proxy_loop_detected", "proxy_loop_detected"),
    (errors.InstallationBusyError(5), 429, "too_many_at_once", "connection_limit_reached"),
    (errors.CatBusyError(), 503, "cat_busy", "connection_limit_reached"),
    (errors.HouseBusyError(), 503, "house_busy", "connection_limit_reached"),
    (errors.BreakerOpenError(7), 503, "breaker_open", "destination_unavailable"),
]


@pytest.mark.parametrize(
    ("error", "status", "code", "proxy_error"),
    TOLD,
    ids=lambda each: type(each).__name__ if isinstance(each, ServiceError) else str(each),
)
def test_each_way_to_fail_is_told_by_status_code_and_the_name_that_proxies_use(
    error: ServiceError, status: int, code: str, proxy_error: str
) -> None:
    assert (error.status, error.code) == (status, code)
    assert error.headers["Proxy-Status"] == f"cathouse-proxy; error={proxy_error}"
    if not isinstance(error, errors.LoopError):
        assert getattr(error, "proxy_error", None) == proxy_error


def test_numbers_stand_in_what_is_told() -> None:
    assert errors.AnswerTooLargeError(5 * 1024 * 1024).cause == "The endpoint's answer has more than 5 MiB."
    assert errors.AnswerTimeoutError(0.3).cause == "The endpoint did not finish its answer within 0.3 seconds."
    assert errors.BreakerOpenError(7).headers["Retry-After"] == "7"
    assert errors.CatFailedError(401).received_status == 401
    assert errors.CatFailedError(401).cause == "The cat answered with status 401."


def test_a_stopwatch_tells_what_passed_since_its_last_lap(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 101.0, 103.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    watch = Stopwatch()
    assert (watch.lap(), watch.lap()) == (1.0, 2.5)
