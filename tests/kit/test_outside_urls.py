"""Which URLs of third parties are acceptable: every refused spelling says why."""

import pytest

from cathouse.web import OutsideUrlRules
from cathouse.web.outside_urls import check_host

PUBLIC = OutsideUrlRules()
DEVELOPMENT = OutsideUrlRules(allow_private=True, own_ports=frozenset({8001}))


@pytest.mark.parametrize(
    "url",
    [
        "https://cats.example.com",
        "https://cats.example.com:443/endpoint?token=1",
        "https://xn--bcher-kva.example/",
        "https://bücher.example/katze",
        "https://1and1.com/",
    ],
)
def test_public_https_is_accepted(url: str) -> None:
    PUBLIC.check(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://cats.example.com", "expected https"),
        ("ftp://cats.example.com", "https://"),
        ("//cats.example.com", "https://"),
        ("https://", "names a host"),
        ("https://cats.example.com:8443", "port 443"),
        ("https://cats.example.com:99999", "cannot be read"),
        ("https://me@cats.example.com", "user name"),
        ("https://cats.example.com@evil.example", "user name"),
        ("https://cats.example.com\\@evil.example", "backslash"),
        ("https://cats.example.com/#top", "fragment"),
        ("https://cats.example.com/ x", "control character"),
        ("https://cats.example.com/\n", "control character"),
        ("https://127.0.0.1/", "IP address"),
        ("https://2130706433/", "IP address"),
        ("https://127.1/", "IP address"),
        ("https://0x7f.1/", "IP address"),
        ("https://0177.0.0.1/", "IP address"),
        ("https://127。0。0。1/", "not valid|IP address"),
        ("https://\uff11\uff12\uff17.0.0.1/", "not valid|IP address"),  # full-width digits
        ("https://[::1]/", "IP address"),
        ("https://[::ffff:127.0.0.1]/", "IP address"),
        ("https://[fe80::1%25eth0]/", "zone id|cannot be read"),
        ("https://localhost/", "single label"),
        ("https://cats/", "single label"),
        ("https://printer.local/", "local network"),
        ("https://metadata.google.internal/", "local network"),
        ("https://cats.example.1/", "IP address"),
        ("https://-cats.example.com/", "not a valid name"),
        ("https://cats_house.example.com/", "not a valid name"),
        ("https://xn--a.example/", "not a valid internationalised"),
        ("https://a" + "a" * 2100 + ".example/", "longer than"),
    ],
)
def test_everything_else_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        PUBLIC.check(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8010/cat", "http://[::1]:9000/", "http://localhost:8010/"])
def test_development_accepts_this_machine_and_nothing_else_private(url: str) -> None:
    DEVELOPMENT.check(url)
    with pytest.raises(ValueError, match=r"expected https|IP address|single label"):
        PUBLIC.check(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8001/", "http://127.0.0.2:8010/", "http://10.0.0.1/", "http://192.168.1.1/", "https://[::]/"],
)
def test_development_refuses_our_own_ports_and_other_private_addresses(url: str) -> None:
    with pytest.raises(ValueError, match=r"belongs to Cat House|https|IP address"):
        DEVELOPMENT.check(url)


@pytest.mark.parametrize("host", ["metadata.google.internal\n", "cats.example.com\n", "127.0.0.1\n", "a.b\x00"])
def test_a_host_with_a_line_end_is_no_host(host: str) -> None:
    with pytest.raises(ValueError, match=r"not a valid name|local network|IP address"):
        check_host(host)
