"""The TLS of HTTP clients."""

import ssl
from functools import cache
from urllib.parse import urlsplit

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


def tls_for(url: str) -> ssl.SSLContext:
    """What a client that asks nobody but ``url`` verifies it with.

    Where that is plain HTTP, as between services on one machine or in one network, the authorities are not even read:
    1.8 MB. Should the client be led to HTTPS all the same, it trusts nobody.
    """
    return client_tls() if urlsplit(url).scheme == "https" else _trusting_nobody()


@cache
def _trusting_nobody() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
