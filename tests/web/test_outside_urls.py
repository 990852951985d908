"""Which URLs of third parties are acceptable: every refused spelling says why."""

import pytest

from cathouse.web import OutsideUrlRules
from cathouse.web.contract.outside_urls import check_host

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
        "https://a.example.com/",
        "https://z9.9z9-9z9.z9z.example/",
        "https://r3---sn-4g5e.example.com/",
        f"https://{'a' * 63}.example.com/",
        f"https://{'a.' * 122}example.z/",  # a name of 253 characters
        f"https://cats.example.com/{'x' * (2048 - 25)}",
    ],
)
def test_public_https_is_accepted(url: str) -> None:
    assert PUBLIC.check(url).geturl() == url


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
        ("https://wiki.intranet/", "local network"),
        ("https://wiki.corp/", "local network"),
        ("https://[2606:4700:4700::1111]/", "IP address"),
        ("https://metadata.google.internal/", "local network"),
        ("https://cats.example.1/", "IP address"),
        ("https://-cats.example.com/", "not a valid name"),
        ("https://cats_house.example.com/", "not a valid name"),
        ("https://xn--a.example/", "not a valid internationalised"),
        (f"https://{'a.' * 122}example.zz/", "not a valid name"),
        (f"https://cats.example.com/{'x' * (2049 - 25)}", "longer than 2048 characters"),
    ],
)
def test_everything_else_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        PUBLIC.check(url)


ADDRESSES = [
    # decimal, octal, hexadecimal, and mixtures of them, in one to four parts, as inet_aton reads them
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0X7F000001",
    "0x7f.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.01",
    "0177.1",
    "127.0.1",
    "127.0x1",
    "0x7f.0.1",
    "0",
    "0x",
    "0x0",
    "00",
    "1",
    "00000000000000000000000000000127.0.0.1",
    "127.00.00.01",
    "127.000.000.001",
    "256.256.256.256",
    "4294967297",
    "99999999999999999999",
    "1.2.3.4.5",
    "1.2.3.4.0x5",
    "cat.0x7f",
    "cat.0x9F",
    "cat.0x",
    "cat.9",
    "example.com.1",
    # the end of a name
    "127.0.0.1.",
    "2130706433.",
    "0x7f.1.",
    # other digits, dots and letters that programs make ordinary ones of
    "\uff11\uff12\uff17.0.0.1",
    "\uff11\uff12\uff17\uff0e\uff10\uff0e\uff10\uff0e\uff11",
    "127。0。0。1",
    "127｡0｡0｡1",
    "①②⑦.0.0.1",
    "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1",
    "٣.0.0.1",
    "0\uff587f.1",
    # with brackets
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1%25]",
    "[fd00:ec2::254]",
    "[2606:4700:4700::1111]",
    "[v1.cat]",
    "[127.0.0.1]",
    "[cats.example.com]",
    "[]",
    "[::1].example.com",
    "::1",
    "1.1.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
]


@pytest.mark.parametrize("host", ADDRESSES)
def test_an_address_is_refused_in_every_spelling(host: str) -> None:
    for url in (f"https://{host}/", f"https://{host}:443/latest", f"HTTPS://{host}?x"):
        with pytest.raises(ValueError, match=r"^(the|expected)"):
            PUBLIC.check(url)
        if host not in ("[::1]", "127.0.0.1"):
            with pytest.raises(ValueError, match=r"^(the|expected)"):
                DEVELOPMENT.check(url)


@pytest.mark.parametrize(
    "url",
    [
        # who reads the host elsewhere than we do
        "https://me:secret@cats.example.com/",
        "https://@cats.example.com/",
        "https://:@cats.example.com/",
        "https://127.0.0.1@cats.example.com/",
        "https://cats.example.com:443@127.0.0.1/",
        "https://cats.example.com%40127.0.0.1/",
        "https://cats.example.com\\@127.0.0.1/",
        "https:\\\\cats.example.com/",
        "https://cats.example.com\\.evil.example/",
        "https:/\\cats.example.com/",
        "https:cats.example.com",
        "https:/cats.example.com/",
        "https:///cats.example.com/",
        "https:////cats.example.com/",
        "https://cats.example.com#@127.0.0.1/",
        "https://cats.example.com/#",
        "https://cats.example.com#",
        "https://cats.example.com?x#y",
        # what is cut away, or is not seen
        "https://cats.exa\tmple.com/",
        "https://cats.example.com\t/",
        "https://cats.example.com\r\nHost: 127.0.0.1/",
        "https://cats.example.com/\r\nX: y",
        " https://cats.example.com/",
        "https://cats.example.com/ ",
        "https://cats.example.com /",
        "https://cats.example.com\x00/",
        "https://cats.example.com\x7f/",
        "https://\uff43ats.example.com/",
        "https://cats\u00adhouse.example.com/",
        "https://cats\u200bhouse.example.com/",
        "https://cats\u2024example.com/",
        "https://cats.example\uff0fcom/",
        "https://cats.example.com\uff03/",
        "https://cats%2eexample.com/",
        "https://cats.example.com/\ud800",
        "https://cats.example.com/\x85",
        "https://cats.example.com/\u2028",
        "https://cats.example.com/\u202emoc.live",
        "https://cats.example.com%00.evil.example/",
        "https://cats..example.com/",
        "https://.example.com/",
        "https://cats.example.com../",
        "https://./",
        "https://../",
        # other ports, or none that is one
        "https://cats.example.com:80/",
        "https://cats.example.com:0/",
        "https://cats.example.com:00443x/",
        "https://cats.example.com:-443/",
        "https://cats.example.com:+443/",
        "https://cats.example.com:4 43/",
        "https://cats.example.com:65979/",
        "https://cats.example.com:443:443/",
        "https://cats.example.com:22/",
        "https://cats.example.com:8001/",
        "https://cats.example.com:\uff14\uff14\uff13/",
        # other schemes
        "http://cats.example.com/",
        "http://cats.example.com:443/",
        "ftp://cats.example.com/",
        "file:///etc/passwd",
        "gopher://cats.example.com/",
        "javascript:alert(1)",
        "data:text/plain,purr",
        "ws://cats.example.com/",
        "unix:///run/docker.sock",
        "cats.example.com",
        "//cats.example.com/",
        "/",
        "",
        "https",
        "https:",
        "https://",
        "https://?x",
        # names that are not everybody's
        "https://localhost./",
        "https://cats.localhost/",
        "https://cats.LOCAL/",
        "https://cats.local./",
        "https://internal/",
        "https://instance-data/",
        "https://metadata.google.internal./",
        "https://router.lan/",
        "https://cats.home.arpa/",
        "https://cats.onion/",
        "https://kubernetes.default.svc.cluster.local/",
        # names that are none
        "https://cats-.example.com/",
        "https://-.example.com/",
        "https://xn--.example.com/",
        "https://xn--zzzzzzzzz.example/",
        "https://" + "a" * 64 + ".example.com/",
        "https://" + "a." * 130 + "example.com/",
        "https://*.example.com/",
        "https://cats!.example.com/",
        "https://💩.example/",
    ],
)
def test_what_programs_read_differently_is_refused(url: str) -> None:
    for rules in (PUBLIC, DEVELOPMENT):
        with pytest.raises(ValueError, match=r"^(the|this|expected)"):
            rules.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://cathouse.example",
        "https://cathouse.example./",
        "https://CATHOUSE.Example:443/x",
        "https://cathouse.example:/",
        "https://xn--ktzchen-5wa.example/",
        "https://kätzchen.example/",
    ],
)
def test_nobody_outside_has_our_own_names(url: str) -> None:
    rules = OutsideUrlRules(own_hosts=frozenset({"cathouse.example", "xn--ktzchen-5wa.example"}))
    with pytest.raises(ValueError, match="Cat House itself"):
        rules.check(url)
    PUBLIC.check(url)
    rules.check("https://cathouse.example.com/")
    rules.check("https://my.cathouse.example/")


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


def test_development_knows_its_own_ports_where_the_url_names_none() -> None:
    for scheme, port in (("http", 80), ("https", 443)):
        rules = OutsideUrlRules(allow_private=True, own_ports=frozenset({port}))
        with pytest.raises(ValueError, match="belongs to Cat House"):
            rules.check(f"{scheme}://localhost/")
        for other in (f"{'https' if scheme == 'http' else 'http'}://localhost/", f"{scheme}://localhost:81/"):
            assert rules.check(other).geturl() == other


def test_what_development_accepts_is_said_in_development_alone() -> None:
    for rules, reason in ((PUBLIC, "^expected https$"), (DEVELOPMENT, "^expected https; http is accepted on")):
        with pytest.raises(ValueError, match=reason):
            rules.check("http://cats.example.com/")


def test_a_host_is_told_in_lower_case_ascii() -> None:
    assert check_host("CATS.Example.com.") == "cats.example.com"
    assert check_host("b\u00fccher.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize("host", ["metadata.google.internal\n", "cats.example.com\n", "127.0.0.1\n", "a.b\x00"])
def test_a_host_with_a_line_end_is_no_host(host: str) -> None:
    with pytest.raises(ValueError, match=r"not a valid name|local network|IP address"):
        check_host(host)
