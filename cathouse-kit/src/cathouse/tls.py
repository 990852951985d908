"""The TLS of HTTP clients."""

import ssl
from functools import cache

import httpx


@cache
def client_tls() -> ssl.SSLContext:
    """What every HTTP client of this process verifies servers with: the public authorities.

    Made once: to read the authorities takes a client of its own 35 ms (measured), whether it ever speaks TLS or not.
    """
    return httpx.create_ssl_context(trust_env=False)
