"""What the tests of proxy-service share."""

from collections.abc import AsyncIterator

import pytest

from proxy_service.egress import connection
from tests.fixtures.house import House
from tests.proxy.cats import Cat, Home, behaving_cat, home_with
from tests.proxy.hosts import ELSEWHERE, GIVEN, KEY, NEVER_GIVEN, SIGN_IN, Caller, calling


@pytest.fixture
async def cat(house: House) -> AsyncIterator[Cat]:
    """A cat server that the house's cats live on from now on."""
    async with behaving_cat(house) as cat:
        yield cat


@pytest.fixture
async def home(house: House, cat: Cat) -> Home:
    """A player and an installation of ``cat``."""
    return await home_with(house)


@pytest.fixture
def kept_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections stay: one that is closed was not kept, however slow the machine is."""
    monkeypatch.setattr(connection, "KEPT_FOR_S", 60.0)


@pytest.fixture
async def caller(house: House) -> AsyncIterator[Caller]:
    """An installation whose cat may call a host, with two secrets that are for it."""
    async with calling(house, GIVEN, KEY, SIGN_IN, ELSEWHERE, NEVER_GIVEN) as ready:
        yield ready
