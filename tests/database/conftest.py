"""What the tests of the way to the database share."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Engine, text

from tests.fixtures.relay import Relay, relay_to
from tests.fixtures.server import server_url


@pytest.fixture
def jar(owner_engine: Engine) -> Engine:
    """A table to write to; its ``later`` column is checked at COMMIT only."""
    with owner_engine.begin() as connection:
        connection.execute(text("CREATE TABLE jar (id int PRIMARY KEY, later int)"))
        connection.execute(
            text("ALTER TABLE jar ADD CONSTRAINT fk FOREIGN KEY (later) REFERENCES jar DEFERRABLE INITIALLY DEFERRED")
        )
    return owner_engine


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    async with relay_to(server_url()) as running:
        yield running
