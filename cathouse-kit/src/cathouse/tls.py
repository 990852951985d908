"""The TLS of HTTP clients."""

import ssl
from functools import cache

import httpx


@cache
def client_tls() -> ssl.SSLContext:
    """What every HTTP client of this process verifies servers with: the public authorities.

    Made once: to read the authorities takes a client of its own 35 ms (measured), whether it ever speaks TLS or not.
    """
    context = httpx.create_ssl_context(trust_env=False)
    # A name stands in the certificate's list of names; what OpenSSL reads out of the subject besides is not looked at
    # any more (RFC 9525 section 2).
    context.hostname_checks_common_name = False
    return context
