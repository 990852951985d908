"""``cathouse db init`` makes what is missing, waits for what comes up, and leaves what is there."""

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from cathouse.database import DatabaseUrl
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.postgres_programs import postgres_folder
from cathouse.schema import HEAD_REVISION
from cathouse.upkeep.direct import connect
from tests.fixtures.commands import Command
from tests.fixtures.server import PREFIX, drop_database, role_url, server_url


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch, command: Command) -> Iterator[DatabaseUrl]:
    """The URL of a database that is not there, as the commands find it; what they make of it is dropped."""
    url = server_url().replace(name=f"{PREFIX}{uuid.uuid4().hex}")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", url.for_libpq())
    yield url
    for name in (url.name, f"{PREFIX}{url.name}"):
        drop_database(server_url(), name)


def encoding(url: DatabaseUrl) -> str:
    with connect(url) as connection:
        return str(connection.scalar(text("SHOW server_encoding")))


def test_the_database_its_test_database_and_the_structure_are_made_once(command: Command, absent: DatabaseUrl) -> None:
    first = command("db", "init")
    assert first.status == 0
    assert first.out.splitlines() == [
        f"database   {absent!r} made",
        f"database   {absent.replace(name=f'test_{absent.name}')!r} made",
        f"structure  base -> {HEAD_REVISION}",
    ]
    assert encoding(absent) == encoding(absent.replace(name=f"test_{absent.name}")) == "UTF8"
    again = command("db", "init", "--wait", "0")
    assert again.status == 0
    assert again.out.count("is there already") == 2
    assert again.out.endswith(f"structure  at {HEAD_REVISION} already\n")
    assert "32 tables" in command("db", "tables").out


def test_the_test_database_may_be_named(command: Command, absent: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    named = absent.replace(name=f"{PREFIX}{absent.name}")
    monkeypatch.setenv("TEST_DATABASE_URL", named.for_libpq())
    monkeypatch.setenv("MIGRATION_DATABASE_URL", absent.for_libpq())
    assert f"database   {named!r} made" in command("db", "init").out


def test_a_role_that_may_not_create_databases_is_told_who_can(
    command: Command, absent: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = role_url("auth", absent)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", poor.for_libpq())
    outcome = command("db", "init")
    assert outcome.status == 2
    assert f"the role {poor.user} may not create the database {absent.name}" in outcome.err
    assert f"ALTER ROLE {poor.user} CREATEDB" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_wrong_password_is_not_waited_for(
    command: Command, absent: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", absent.replace(password="not-the-password").for_libpq())
    started = time.monotonic()
    outcome = command("db", "init", "--wait", "60")
    assert time.monotonic() - started < 30
    assert outcome.status == 2
    assert "authentication failed" in outcome.err
    assert "not-the-password" not in outcome.err


def test_a_server_that_does_not_come_is_given_up_in_time(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://me:hush@127.0.0.1:1/cats")
    started = time.monotonic()
    outcome = command("db", "init", "--wait", "1")
    assert 0.5 <= time.monotonic() - started < 10
    assert outcome.status == 2
    assert outcome.err.startswith("cannot connect to the database me@127.0.0.1:1/postgres: ")
    assert "hush" not in outcome.err


def test_a_server_that_comes_up_late_is_waited_for(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = Path(tempfile.mkdtemp(prefix="cathouse-late-"))
    server = EmbeddedPostgres(
        postgres_folder(parent, parent.name), password=uuid.uuid4().hex, settings={"fsync": "off"}
    )
    try:
        server.start()
        port = server.port
        server.stop()
        monkeypatch.setenv("MIGRATION_DATABASE_URL", server.url("late").for_libpq())
        starting = threading.Timer(1.0, server.start, kwargs={"port": port})
        starting.start()
        outcome = command("db", "init")
        starting.join()
        assert (outcome.status, outcome.err) == (0, "")
        assert outcome.out.endswith(f"structure  base -> {HEAD_REVISION}\n")
    finally:
        server.remove()
        shutil.rmtree(parent, ignore_errors=True)
