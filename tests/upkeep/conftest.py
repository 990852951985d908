"""A database that is filled, its backup, and one to restore into."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cathouse.database import DatabaseUrl
from cathouse.local.seed import seed
from cathouse.upkeep.creation import make_database
from tests.fixtures.commands import Command
from tests.fixtures.server import PREFIX, drop_database, server_url


@pytest.fixture
def filled(owner_engine: Engine) -> Engine:
    """A database with rows of every awkward kind: vectors, JSON, arrays, bytes, and the append-only audit."""
    seed(owner_engine, demo_cat_url="http://127.0.0.1:8010", environment="development")
    with owner_engine.begin() as connection:
        connection.execute(text("INSERT INTO cathouse.audit_events (action, detail) VALUES ('made', '{\"a\": [1]}')"))
        connection.execute(
            text("UPDATE cathouse.cat_search SET embedding = ('[' || repeat('0.25,', 1023) || '1]')::public.vector")
        )
        connection.execute(text("UPDATE cathouse.users SET display_name = E'Žofie \\U0001F408 \\\\. \\t;'"))
    return owner_engine


@pytest.fixture
def fresh() -> Iterator[DatabaseUrl]:
    """An empty database on the same server."""
    url = server_url().replace(name=f"{PREFIX}{uuid.uuid4().hex}")
    make_database(server_url(), url.name)
    yield url
    drop_database(server_url(), url.name)


@pytest.fixture
def dump(command: Command, filled: Engine, tmp_path: Path) -> Path:
    """A backup of ``filled``."""
    file = tmp_path / "cats.dump"
    outcome = command("db", "backup", str(file))
    assert (outcome.status, outcome.err) == (0, "")
    return file
