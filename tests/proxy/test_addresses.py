"""Which addresses may be connected to."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_service.egress.addresses import Address, is_public

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:1.1.1.1"]
FORBIDDEN = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", FORBIDDEN)
def test_everything_else_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


SPECIAL_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.0.0/29",
        "192.0.0.8/32",
        "192.0.0.9/32",
        "192.0.0.10/32",
        "192.0.0.170/31",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "255.255.255.255/32",
        # and what no such list has: multicast, and metadata at providers that put it among public addresses
        "224.0.0.0/4",
        "168.63.129.16/32",
    )
]
SPECIAL_6 = [
    ipaddress.IPv6Network(network)
    for network in (
        # https://www.iana.org/assignments/iana-ipv6-special-registry
        "::/128",
        "::1/128",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001::/32",
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:1::3/128",
        "2001:2::/48",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:30::/28",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        # IPv4-compatible and -translated, site-local, multicast, and what is not given out (all but 2000::/3)
        "::/96",
        "::ffff:0:0:0/96",
        "fec0::/10",
        "ff00::/8",
        "::1:0:0:0:0/64",
        "4000::/3",
        "e000::/4",
    )
]
GIVEN_OUT = ipaddress.IPv6Network("2000::/3")


def is_special(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in SPECIAL_4)
    return address not in GIVEN_OUT or any(address in network for network in SPECIAL_6)


@pytest.mark.parametrize("network", [*SPECIAL_4, *SPECIAL_6], ids=str)
def test_a_special_range_is_refused_from_its_first_address_to_its_last_and_no_further(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    first, last = network.network_address, network.broadcast_address
    for address in (first, last):
        assert not is_public(address), address
    neighbours: list[Address] = []
    if int(first):
        neighbours.append(first - 1)
    if int(last) < 2**network.max_prefixlen - 1:
        neighbours.append(last + 1)
    for address in neighbours:
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            continue
        assert is_public(address) == (not is_special(address)), address


def embeddings(address: str) -> Sequence[ipaddress.IPv6Address]:
    """IPv6 addresses behind which a machine may find an IPv4 one, but for the mapped one."""
    number = int(ipaddress.IPv4Address(address))
    return [
        ipaddress.IPv6Address(number),  # compatible
        ipaddress.IPv6Address((0xFFFF << 48) + number),  # translated (RFC 2765)
        ipaddress.IPv6Address((0x64FF9B << 96) + number),  # NAT64
        ipaddress.IPv6Address((0x64FF9B0001 << 80) + number),  # NAT64 of a network's own
        ipaddress.IPv6Address((0x2002 << 112) + (number << 80) + 1),  # 6to4
        ipaddress.IPv6Address((0x20010000 << 96) + (number << 64) + 1),  # Teredo's server
        ipaddress.IPv6Address((0x20010000 << 96) + (number ^ 0xFFFFFFFF)),  # Teredo's client
        ipaddress.IPv6Address((0xFE80 << 112) + (0x5EFE << 32) + number),  # ISATAP
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "1.1.1.1"])
def test_an_embedded_address_is_refused_and_a_mapped_one_is_what_it_maps_to(address: str) -> None:
    for embedded in embeddings(address):
        assert not is_public(embedded), embedded
    assert is_public(ipaddress.IPv6Address(f"::ffff:{address}")) == (address == "1.1.1.1")


@pytest.mark.parametrize("network", SPECIAL_4, ids=str)
def test_a_special_range_is_refused_when_it_is_mapped_too(network: ipaddress.IPv4Network) -> None:
    for address in (network.network_address, network.broadcast_address):
        assert not is_public(ipaddress.IPv6Address(f"::ffff:{address}"))
        assert not is_public(ipaddress.ip_address(f"::ffff:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"))


@given(address=st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_what_is_public_here_is_so_for_python_too(address: Address) -> None:
    if is_public(address):
        plain = address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
        assert plain.is_global
        assert not plain.is_multicast
        assert not is_special(plain)
