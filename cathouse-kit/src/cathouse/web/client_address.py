"""Who the client is: the address that a request comes from, and the proxies that may say so on another's behalf.

``build_app`` puts uvicorn's ``ProxyHeadersMiddleware`` in front when TRUSTED_PROXIES names any. It walks
X-Forwarded-For from the right, where the proxy nearest to us wrote, to the first address that is no proxy of ours:
what stands to the left of it was written by the client, or by somebody whom we do not know.
"""

import ipaddress

from starlette.requests import HTTPConnection

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LONGEST_ADDRESS = 64
"""Characters: 45 for the longest spelling of an IPv6 address, and the name of a network interface as its zone."""

_IPV4_MAPPED = "::ffff:"
_IPV4_MAPPED_BITS = 96


def client_ip(connection: HTTPConnection) -> IpAddress | None:
    """Where the request comes from.

    An IPv4 address in IPv6's clothing (``::ffff:192.0.2.1``) is the IPv4 address; a zone (``fe80::1%eth0``), which
    means something on one machine only, is left out. None when the server knows no address (a unix socket), and when
    a trusted proxy passed on something else ("unknown", a name, rubbish).
    """
    host = connection.client.host if connection.client else ""
    if len(host) > _LONGEST_ADDRESS:
        return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


def client_address(connection: HTTPConnection) -> str | None:
    """:func:`client_ip` as text, in its one normal spelling: 39 characters at most, fit to be kept."""
    address = client_ip(connection)
    return None if address is None else str(address)


def parse_trusted_proxies(text: str) -> list[str]:
    """Read TRUSTED_PROXIES: addresses and networks, comma-separated, in the form that uvicorn compares with.

    uvicorn takes what it cannot read for the name of a unix socket's peer and trusts nobody by it, without a word; so
    all of it is read here first. An IPv4 proxy is also known by its IPv4-mapped address, which is how a server that
    listens on both families sees it.

    Raises:
        ValueError: saying which entry is wrong, and what is expected.
    """
    trusted: list[str] = []
    for position, entry in enumerate((each.strip() for each in text.split(",")), start=1):
        if not entry:
            continue
        network = _parse_network(entry, position)
        trusted.append(str(network))
        if isinstance(network, ipaddress.IPv4Network):
            trusted.append(f"{_IPV4_MAPPED}{network.network_address}/{_IPV4_MAPPED_BITS + network.prefixlen}")
    return trusted


def _parse_network(entry: str, position: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = None if entry == "*" or "%" in entry else ipaddress.ip_network(entry)
    except ValueError:
        network = None
    if entry == "*" or (network is not None and network.prefixlen == 0):
        raise ValueError(
            "name each proxy or its network; with everybody trusted, each client would choose its own address by a"
            " header of its own"
        )
    if network is None:
        raise ValueError(
            f"entry {position}: expected an IP address (10.0.0.5) or a network whose host bits are zero (10.0.0.0/8);"
            " names are not looked up"
        )
    return network
