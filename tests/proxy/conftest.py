"""What the tests of proxy-service share."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.house import House
from tests.fixtures.serving import serve
from tests.proxy.cats import Cat, Home


@pytest.fixture
async def cat(house: House) -> AsyncIterator[Cat]:
    """A cat server that the house's cats live on from now on."""
    behaving = Cat()
    async with serve(behaving.app) as url:
        house.cat_url = url
        yield behaving


@pytest.fixture
async def home(house: House, cat: Cat) -> Home:
    """A player and an installation of ``cat``."""
    developer, player = await house.register("developer"), await house.register()
    published = await house.publish(developer, endpoint_url=f"{house.cat_url}/", timeout_s=10)
    return player, await house.install(player, published)
