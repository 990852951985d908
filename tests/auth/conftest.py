"""What the tests of auth-service share."""

from collections.abc import AsyncIterator

import pytest

from cathouse.database import DatabaseUrl
from tests.auth.tokens import Signer, signer_of
from tests.fixtures.clerk import Clerk, run_clerk
from tests.fixtures.house import House, run_house


@pytest.fixture
async def signer(house: House) -> Signer:
    """The real signing key, and a real token."""
    return await signer_of(house)


@pytest.fixture
async def clerk() -> AsyncIterator[Clerk]:
    """A Clerk with one key."""
    async with run_clerk() as running:
        yield running


@pytest.fixture
async def clerk_house(clean_db: DatabaseUrl, clerk: Clerk) -> AsyncIterator[House]:
    """The services, of which auth-service believes ``clerk``."""
    async with run_house(clean_db, **clerk.settings()) as running:
        yield running
