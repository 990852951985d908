"""The way out, on both event loops."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy_service.egress.client import OutsideClient
from tests.proxy.hostile import LOOPS, outside


@pytest.fixture(params=LOOPS, scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def client() -> AsyncIterator[OutsideClient]:
    async with outside() as door:
        yield door
