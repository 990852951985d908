"""What the tests of auth-service share."""

import pytest

from tests.auth.tokens import Signer, signer_of
from tests.fixtures.house import House


@pytest.fixture
async def signer(house: House) -> Signer:
    """The real signing key, and a real token."""
    return await signer_of(house)
