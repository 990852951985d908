"""What proxy-service reads from the environment: what is accepted, and what is said of the rest."""

import pytest
from pydantic import ValidationError

from cathouse.database import DatabaseUrl
from proxy_service.settings import ProxySettings
from tests.fixtures.house import settings_for

DATABASE = DatabaseUrl.parse("postgresql://owner:of-nothing@127.0.0.1:5432/house")


def read(**values: str) -> ProxySettings:
    return ProxySettings(**settings_for("proxy", DATABASE, {}, **values))


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", []),
        ("9.9.9.9", ["9.9.9.9"]),
        ("9.9.9.9:5353, [2620:fe::fe], [2620:fe::fe]:53", ["9.9.9.9:5353", "[2620:fe::fe]", "[2620:fe::fe]:53"]),
    ],
)
def test_name_servers_are_addresses_with_or_without_a_port(text: str, servers: list[str]) -> None:
    assert read(dns_servers=text).dns_servers == servers


@pytest.mark.parametrize(
    "text", ["dns.example.com", "9.9.9", "9.9.9.9:", "9.9.9.9:0", "9.9.9.9:65536", "2620:fe::fe", "[9.9.9.9]x", "[::1"]
)
def test_what_is_no_name_server_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValidationError, match=r"expected an IP address, or one with a port: 9\.9\.9\.9:53"):
        read(dns_servers=text)


@pytest.mark.parametrize("name", ["limit_interactions", "limit_external_calls"])
def test_what_is_no_rate_is_refused_with_what_is_expected(name: str) -> None:
    assert getattr(read(**{name: "5/second;60/minute"}), name) == "5/second;60/minute"
    with pytest.raises(ValidationError, match="expected COUNT/second"):
        read(**{name: "lots"})
