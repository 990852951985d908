"""How a call to the outside fails. The names of causes are those of RFC 9209 (Proxy-Status)."""

from typing import ClassVar

from cathouse.errors import ServiceError

PROXY_NAME = "cathouse-proxy"


class EgressError(ServiceError):
    """A call to a cat that brought no usable answer.

    ``proxy_error`` is what is counted and shown to the developer; ``cause`` says it in plain words.
    ``received_status`` is the cat's own status, when that is what was wrong.
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
    title = "The cat cannot be reached"
    proxy_error = "destination_unavailable"

    def __init__(self) -> None:
        """One text for all causes, so that nobody maps our network with it."""
        super().__init__("The cat's host cannot be reached: its name, its address or its port does not answer.")


class TlsError(EgressError):
    """The cat's certificate does not prove its name."""

    code = "tls_certificate_error"
    status = 502
    title = "The cat's certificate is not valid"
    proxy_error = "tls_certificate_error"

    def __init__(self) -> None:
        """What is wrong with it is for its operator to find out."""
        super().__init__("The TLS handshake with the cat failed: its certificate must be valid for its name.")


class ConnectTimeoutError(EgressError):
    """The connection was not there in time."""

    code = "connection_timeout"
    status = 504
    title = "The cat's host does not answer"
    proxy_error = "connection_timeout"

    def __init__(self, seconds: float) -> None:
        """``seconds`` is how long we waited."""
        super().__init__(f"No connection to the cat within {seconds:g} seconds.")


class AnswerTimeoutError(EgressError):
    """The cat took too long."""

    code = "http_response_timeout"
    status = 504
    title = "The cat did not answer in time"
    proxy_error = "http_response_timeout"

    def __init__(self, seconds: float) -> None:
        """``seconds`` is how long we waited."""
        super().__init__(f"The cat did not finish its answer within {seconds:g} seconds.")


class MalformedAnswerError(EgressError):
    """What the cat sent is not an answer that we pass on."""

    code = "malformed_answer"
    status = 502
    title = "The cat's answer cannot be used"
    proxy_error = "http_protocol_error"


class AnswerTooLargeError(EgressError):
    """The cat's answer is larger than we pass on."""

    code = "answer_too_large"
    status = 502
    title = "The cat's answer is too large"
    proxy_error = "http_response_body_size"

    def __init__(self, most: int) -> None:
        """``most`` is in bytes."""
        super().__init__(f"The cat's answer has more than {most // (1024 * 1024)} MiB.")


class CatFailedError(EgressError):
    """The cat answered with a status of its own that means failure."""

    code = "cat_failed"
    status = 502
    title = "The cat failed"
    proxy_error = "http_response_status"

    def __init__(self, status: int) -> None:
        """``status`` is what the cat answered."""
        super().__init__(f"The cat answered with status {status}.")
        self.received_status = status
