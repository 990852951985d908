"""What a caller's trace is called goes on to the cat, also where nothing is recorded."""

import pytest

from tests.fixtures.house import House
from tests.proxy.cats import Cat, Home

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("sent", "goes_on"),
    [
        (f"00-{TRACE}-{CALLER}-01", True),
        (f"00-{TRACE}-{CALLER}-00", True),
        (f"00-{'0' * 32}-{CALLER}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE}-{CALLER}-01-more", False),
        ("quillfeather", False),
    ],
)
async def test_without_a_collector_a_trace_is_passed_on(
    house: House, cat: Cat, home: Home, sent: str, *, goes_on: bool
) -> None:
    player, installed = home
    path = f"/api/v1/installations/{installed['id']}/interactions"
    await house.call("proxy", "POST", path, {"input": 1}, person=player, headers={"traceparent": sent})
    headers, _ = cat.heard[-1]
    assert headers.get("traceparent") == (sent if goes_on else None)
