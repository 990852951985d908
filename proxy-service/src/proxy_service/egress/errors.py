"""How a call to the outside fails. The names of causes are those of RFC 9209 (Proxy-Status)."""

from typing import ClassVar

from cathouse.errors import ServiceError

PROXY_NAME = "cathouse-proxy"


class EgressError(ServiceError):
    """A call to the outside that brought no usable answer.

    ``proxy_error`` is what is counted and shown to the developer; ``cause`` says it in plain words.
    ``received_status`` is the endpoint's own status, when that is what was wrong.
    """

    proxy_error: ClassVar[str] = "proxy_internal_error"
    received_status: int | None = None

    def __init__(self, cause: str) -> None:
        """``cause`` names nothing of our network."""
        super().__init__(cause, headers={"Proxy-Status": f"{PROXY_NAME}; error={self.proxy_error}"})
        self.cause = cause


class DestinationUnavailableError(EgressError):
    """No such name, nobody listens, or an address that we do not connect to: all look alike from outside."""

    code = "destination_unavailable"
    status = 502
    title = "The endpoint cannot be reached"
    proxy_error = "destination_unavailable"

    def __init__(self) -> None:
        """One text for all causes, so that nobody maps our network with it."""
        super().__init__("The endpoint's host cannot be reached: its name, its address or its port does not answer.")


class TlsError(EgressError):
    """The endpoint's certificate does not prove its name."""

    code = "tls_certificate_error"
    status = 502
    title = "The endpoint's certificate is not valid"
    proxy_error = "tls_certificate_error"

    def __init__(self) -> None:
        """What is wrong with it is for its operator to find out."""
        super().__init__("The TLS handshake with the endpoint failed: its certificate must be valid for its name.")


class ConnectTimeoutError(EgressError):
    """The connection was not there in time."""

    code = "connection_timeout"
    status = 504
    title = "The endpoint's host does not answer"
    proxy_error = "connection_timeout"

    def __init__(self, seconds: float) -> None:
        """``seconds`` is how long we waited."""
        super().__init__(f"No connection to the endpoint within {seconds:g} seconds.")


class AnswerTimeoutError(EgressError):
    """The endpoint took too long."""

    code = "http_response_timeout"
    status = 504
    title = "The endpoint did not answer in time"
    proxy_error = "http_response_timeout"

    def __init__(self, seconds: float, *, is_silent: bool = False) -> None:
        """``seconds`` is how long we waited for the whole answer, or, where ``is_silent``, for more of a stream."""
        said = "sent nothing more" if is_silent else "did not finish its answer"
        super().__init__(f"The endpoint {said} within {seconds:g} seconds.")


class MalformedAnswerError(EgressError):
    """What the endpoint sent is not an answer that we pass on."""

    code = "malformed_answer"
    status = 502
    title = "The endpoint's answer cannot be used"
    proxy_error = "http_protocol_error"


class AnswerTooLargeError(EgressError):
    """The endpoint's answer is larger than we pass on."""

    code = "answer_too_large"
    status = 502
    title = "The endpoint's answer is too large"
    proxy_error = "http_response_body_size"

    def __init__(self, most: int) -> None:
        """``most`` is in bytes."""
        super().__init__(f"The endpoint's answer has more than {most // (1024 * 1024)} MiB.")


class CatFailedError(EgressError):
    """The cat answered with a status of its own that means failure."""

    code = "cat_failed"
    status = 502
    title = "The cat failed"
    proxy_error = "http_response_status"

    def __init__(self, status: int) -> None:
        """``status`` is what the cat answered."""
        advice = "; redirects are not followed" if 300 <= status < 400 else ""
        super().__init__(f"The cat answered with status {status}{advice}.")
        self.received_status = status


class ServiceEndingError(EgressError):
    """This process ends while a stream is open."""

    code = "service_restarting"
    status = 503
    title = "Cat House restarts"

    def __init__(self) -> None:
        """It is no fault of the cat's."""
        super().__init__("This part of Cat House restarts. Ask again.")


class LoopError(ServiceError):
    """A request came to us that we had sent out ourselves."""

    code = "proxy_loop_detected"
    status = 502
    title = "This request goes in a circle"

    def __init__(self) -> None:
        """RFC 8586: our name stands in ``CDN-Loop`` already."""
        super().__init__(
            "The request carries CDN-Loop: cathouse, so it came from Cat House: pass no headers of ours on to us.",
            headers={"Proxy-Status": f"{PROXY_NAME}; error=proxy_loop_detected"},
        )


class RefusedCallError(ServiceError):
    """A call that is not made at this moment, whatever its endpoint would say."""

    proxy_error: ClassVar[str] = "connection_limit_reached"
    retry_after_s: int

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        """``retry_after_s`` is when to try again."""
        headers = {"Proxy-Status": f"{PROXY_NAME}; error={self.proxy_error}"}
        super().__init__(detail, headers=headers, retry_after_s=retry_after_s)


class InstallationBusyError(RefusedCallError):
    """An installation has as much under way as it may."""

    code = "too_many_at_once"
    status = 429
    title = "Too many calls at once"

    def __init__(self, most: int) -> None:
        """``most`` is what it may."""
        super().__init__(
            f"{most} calls of this installation are under way already. Wait until one of them ends.", retry_after_s=1
        )


class CatBusyError(RefusedCallError):
    """A cat has as much under way as it may."""

    code = "cat_busy"
    status = 503
    title = "The cat is busy"

    def __init__(self) -> None:
        """Of all who talk to it."""
        super().__init__("Too many people talk to this cat at the moment. Try again.", retry_after_s=1)


class HouseBusyError(RefusedCallError):
    """The service has as much under way as it may."""

    code = "house_busy"
    status = 503
    title = "Cat House is busy"

    def __init__(self) -> None:
        """Of all cats."""
        super().__init__("Too many calls are under way at the moment. Try again.", retry_after_s=1)


class BreakerOpenError(RefusedCallError):
    """A cat that failed again and again is left alone for a while."""

    code = "breaker_open"
    status = 503
    title = "The cat is having trouble"
    proxy_error = "destination_unavailable"

    def __init__(self, seconds: int) -> None:
        """``seconds`` until it is tried again."""
        super().__init__(
            f"The cat failed several times in a row and is left alone for now. Try again in {seconds} s.",
            retry_after_s=seconds,
        )
