"""Who the client is: what is believed of X-Forwarded-For, and what is made of it."""

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from cathouse.web import client_address
from cathouse.web.client_address import parse_trusted_proxies

LONGEST_KEPT = 45
"""The column sessions.ip."""


def address_of(host: str | None) -> str | None:
    return client_address(Request({"type": "http", "headers": [], "client": (host, 1) if host is not None else None}))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%25-a-long-name-of-an-interface", "fe80::1"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_an_address_has_one_spelling(host: str, address: str) -> None:
    assert address_of(host) == address


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", "unknown", "_hidden", "testclient", "localhost", "203.0.113.7:443", "[2001:db8::1]", "203.0.113"),
        *("203.0.113.007", "203.0.113.7%eth0", "2130706433", "0x7f.1", "'; DROP TABLE users", "\x00", "%", "::%"),
        *("1" * 1_000_000, "1." * 500_000, "::" * 500_000, "fe80::1%" + "x" * 1_000_000),
    ],
)
def test_anything_else_is_none(host: str | None) -> None:
    assert address_of(host) is None


@given(st.one_of(st.text(), st.ip_addresses().map(str), st.text(alphabet="0123456789abcdef:.%[]", max_size=60)))
def test_whatever_comes_is_fit_to_be_kept_or_none(host: str) -> None:
    address = address_of(host)
    if address is not None:
        assert len(address) <= LONGEST_KEPT
        assert str(ipaddress.ip_address(address)) == address


# --- X-Forwarded-For ----------------------------------------------------------------------------------------------


async def seen(peer: str, *forwarded: str, proxies: str = "10.0.0.0/8", proto: str | None = None) -> tuple[object, str]:
    """The client's address and the scheme, as an application behind the middleware sees them."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        await JSONResponse([client_address(request), request.url.scheme])(scope, receive, send)

    app = ProxyHeadersMiddleware(application, trusted_hosts=parse_trusted_proxies(proxies))  # type: ignore[arg-type]  # uvicorn's own types
    transport = httpx.ASGITransport(app, client=(peer, 1))  # type: ignore[arg-type]  # the same
    headers = [("X-Forwarded-For", each) for each in forwarded]
    headers += [("X-Forwarded-Proto", proto)] if proto else []
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        address, scheme = (await http.get("/", headers=headers)).json()
    return address, scheme


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (["10.0.0.8, 203.0.113.7, 10.0.0.9, ::ffff:10.0.0.10"], "203.0.113.7"),
        (["1.1.1.1,203.0.113.7:50123"], "203.0.113.7"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, unknown"], None),
        (["203.0.113.7, [2001:db8::1"], None),
        (["203.0.113.7, 1.2.3.4:port"], None),
        (["x" * 60_000], None),
        (["203.0.113.7, "], "10.0.0.5"),
        ([""], "10.0.0.5"),
        ([], "10.0.0.5"),
        (["6.6.6.6," * 10_000 + "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7," + ",".join(["10.0.0.9"] * 10_000)], "203.0.113.7"),
        (["10.0.0.7, 10.0.0.9"], "10.0.0.7"),
    ],
)
async def test_the_right_most_address_that_is_no_proxy_is_the_client(forwarded: list[str], address: str | None) -> None:
    assert (await seen("10.0.0.5", *forwarded))[0] == address


@pytest.mark.parametrize("peer", ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::9"])
async def test_nobody_else_is_believed(peer: str) -> None:
    address, scheme = await seen(peer, "1.1.1.1", proto="https")
    assert address == str(ipaddress.ip_address(peer.removeprefix("::ffff:")))
    assert scheme == "http"


async def test_a_proxy_says_how_the_client_came() -> None:
    assert await seen("10.0.0.5", "203.0.113.7", proto="https") == ("203.0.113.7", "https")
    assert (await seen("10.0.0.5", "203.0.113.7", proto="gopher"))[1] == "http"


async def test_a_proxy_is_known_by_its_ipv4_mapped_address_too() -> None:
    assert (await seen("::ffff:10.0.0.5", "203.0.113.7"))[0] == "203.0.113.7"
    assert (await seen("::ffff:11.0.0.5", "203.0.113.7"))[0] == "11.0.0.5"
    assert (await seen("2001:db8:1::5", "203.0.113.7", proxies="2001:db8:1::/48"))[0] == "203.0.113.7"


def test_proxies_are_read() -> None:
    assert parse_trusted_proxies(" 10.0.0.5 ,2001:DB8::1,, 10.1.0.0/255.255.0.0,") == [
        *("10.0.0.5/32", "::ffff:10.0.0.5/128", "2001:db8::1/128", "10.1.0.0/16", "::ffff:10.1.0.0/112")
    ]
    assert parse_trusted_proxies("") == []


@pytest.mark.parametrize("text", ["*", "10.0.0.5, *", "0.0.0.0/0", "::/0"])
def test_everybody_is_no_proxy(text: str) -> None:
    with pytest.raises(ValueError, match="name each proxy"):
        parse_trusted_proxies(text)


@pytest.mark.parametrize(
    "text",
    ["nginx", "10.0.0.5:80", "10.0.0.5/8", "10.0.0.0/33", "[::1]", "fe80::1%eth0", "10.0.0.256", "10.0.0.1 10.0.0.2"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="entry 2: expected an IP address"):
        parse_trusted_proxies(f"10.0.0.5, {text}")
