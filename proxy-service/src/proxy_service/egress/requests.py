"""What is sent to a host that a user named: where its URL leads, and the bytes of the request."""

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, quote

from cathouse.web import OutsideUrlRules
from cathouse.web.contract.outside_urls import check_host

LOOP_TOKEN = "cathouse"  # noqa: S105 - a name, not a secret
"""Our name in ``CDN-Loop`` (RFC 8586)."""

_SAFE_IN_TARGET = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True)
class OutsideRequest:
    """A request to a host that a user named. ``owner`` is the cat that it is made for or about."""

    owner: uuid.UUID
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"


def host_of(parts: SplitResult) -> str:
    """The host of an acceptable URL in its ASCII form."""
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):  # in development this machine's own names are no public ones
        host = check_host(host)
    return host


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an acceptable URL leads; ``field`` is what stands in Host, ``target`` in the request line."""

    host: str
    port: int
    is_tls: bool
    field: str
    target: str


# The rules and the text say all of it; what the name leads to is looked up for each connection.
@lru_cache(maxsize=4096)
def destination_of(rules: OutsideUrlRules, url: str) -> Destination:
    """Read an acceptable URL.

    Raises:
        ValueError: it is not acceptable.
    """
    parts = rules.check(url)
    host, is_tls = host_of(parts), parts.scheme == "https"
    usual_port = 443 if is_tls else 80
    port = parts.port or usual_port
    name = f"[{host}]" if ":" in host else host
    return Destination(host, port, is_tls, name if port == usual_port else f"{name}:{port}", _target(parts))


def _target(parts: SplitResult) -> str:
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    return quote(target, safe=_SAFE_IN_TARGET)


def serialize(request: OutsideRequest, destination: Destination) -> bytes:
    """The request as HTTP/1.1 writes it.

    Raises:
        ValueError: a header cannot be sent.
    """
    fields = {"Host": destination.field, "Accept-Encoding": "identity", "CDN-Loop": LOOP_TOKEN, **request.headers}
    if request.body or request.method not in ("GET", "HEAD"):
        fields["Content-Length"] = str(len(request.body))
    sent = "".join([*fields, *fields.values()])
    if not (sent.isascii() and sent.isprintable()):
        raise ValueError("a header that cannot be sent: its caller must see to that")
    lines = [f"{request.method} {destination.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body
