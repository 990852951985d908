"""A restore brings everything back, with its rights, or nothing at all."""

import io
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from cathouse.database import DatabaseUrl
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.postgres_programs import postgres_folder
from cathouse.schema import HEAD_REVISION
from cathouse.schema.ownership import SERVICES
from cathouse.upkeep import programs
from cathouse.upkeep.backup import SET_ASIDE
from cathouse.upkeep.creation import make_database
from cathouse.upkeep.direct import connect
from cathouse.upkeep.programs import find_program
from cathouse.upkeep.roles import make_login_roles
from tests.fixtures.commands import Command
from tests.fixtures.server import PREFIX, drop_database, role_url, server_url
from tests.upkeep.backups import contents, rights, schemas


def test_everything_comes_back_into_a_fresh_database(
    command: Command, dump: Path, clean_db: DatabaseUrl, fresh: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", fresh.for_libpq())
    outcome = command("db", "restore", str(dump))
    assert (outcome.status, outcome.err) == (0, "")
    assert f"{fresh!r} restored, at {HEAD_REVISION} (this code wants {HEAD_REVISION})" in outcome.out
    assert ["cats", "6"] in outcome.words
    before = contents(clean_db)
    assert contents(fresh) == before
    assert len(before["users"]) == 3
    assert "0.25" in before["cat_search"][0]
    assert rights(fresh) == rights(clean_db)
    assert len(rights(fresh)) > 200
    for service in SERVICES:
        with connect(role_url(service, fresh)) as connection:
            assert connection.scalar(text("SELECT count(*) FROM cathouse.cats")) == 6
    with connect(role_url("proxy", fresh)) as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("SELECT password_hash FROM cathouse.users"))


def test_a_server_that_has_never_seen_us_gets_the_roles_as_well(
    command: Command, dump: Path, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = Path(tempfile.mkdtemp(prefix="cathouse-restore-"))
    server = EmbeddedPostgres(
        postgres_folder(parent, parent.name), password=uuid.uuid4().hex, settings={"fsync": "off"}
    )
    try:
        server.start()
        make_database(server.url(), "elsewhere")
        url = server.url("elsewhere")
        monkeypatch.setenv("MIGRATION_DATABASE_URL", url.for_libpq())
        outcome = command("db", "restore", str(dump))
        assert (outcome.status, outcome.err) == (0, "")
        assert contents(url) == contents(clean_db)
        assert rights(url) == rights(clean_db)
        logins = make_login_roles(url)
        with connect(logins["catalog"]) as connection:
            assert connection.scalar(text("SELECT count(*) FROM cathouse.cats")) == 6
    finally:
        server.remove()
        shutil.rmtree(parent, ignore_errors=True)


def test_an_owner_without_any_privilege_restores_where_the_roles_and_the_extension_are(
    command: Command, dump: Path, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{PREFIX}{uuid.uuid4().hex}"
    url = server_url().replace(name=name, user=name, password=uuid.uuid4().hex)
    with connect(server_url(), autocommit=True) as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD '{url.password}'"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0"))
    try:
        monkeypatch.setenv("MIGRATION_DATABASE_URL", url.for_libpq())
        refused = command("db", "restore", str(dump))
        assert refused.status == 2
        assert "let a superuser run CREATE EXTENSION vector" in refused.err
        with connect(server_url().replace(name=name), autocommit=True) as connection:
            connection.execute(text("CREATE EXTENSION vector"))
        outcome = command("db", "restore", str(dump))
        assert (outcome.status, outcome.err) == (0, "")
        assert (contents(url), rights(url)) == (contents(clean_db), rights(clean_db))
    finally:
        drop_database(server_url(), name)
        with connect(server_url(), autocommit=True) as connection:
            connection.execute(text(f"DROP ROLE {name}"))


def test_a_filled_schema_is_not_replaced_without_being_told_to(
    command: Command, dump: Path, filled: Engine, clean_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled.begin() as connection:
        connection.execute(text("DELETE FROM cathouse.tasks"))
    before = contents(clean_db)
    refused = command("db", "restore", str(dump))
    assert refused.status == 2
    assert refused.err == f"the schema cathouse of {clean_db!r} is not empty (--replace gives up what it holds)\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert command("db", "restore", "--replace", str(dump)).status == 1
    assert contents(clean_db) == before
    assert command("db", "restore", "--replace", "-").err.endswith("--yes is needed as well\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert command("db", "restore", "--replace", str(dump)).status == 0
    assert len(contents(clean_db)["tasks"]) == 5
    with connect(clean_db) as connection:
        assert schemas(connection) == {"cathouse"}


def test_an_empty_schema_is_no_obstacle(
    command: Command, dump: Path, fresh: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(fresh) as connection:
        connection.execute(text("CREATE SCHEMA cathouse"))
        connection.commit()
    monkeypatch.setenv("MIGRATION_DATABASE_URL", fresh.for_libpq())
    assert command("db", "restore", str(dump)).status == 0


def cut_short(whole: bytes) -> bytes:
    return whole[: len(whole) - 3000]


def with_a_flipped_bit(whole: bytes) -> bytes:
    place = len(whole) - 5000
    return whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]


@pytest.mark.parametrize("damage", [cut_short, with_a_flipped_bit])
def test_a_damaged_dump_leaves_nothing_half_restored(
    command: Command,
    dump: Path,
    filled: Engine,
    clean_db: DatabaseUrl,
    fresh: DatabaseUrl,
    monkeypatch: pytest.MonkeyPatch,
    damage: object,
) -> None:
    assert callable(damage)
    damaged = dump.with_suffix(".damaged")
    damaged.write_bytes(damage(dump.read_bytes()))
    with filled.begin() as connection:
        connection.execute(text("DELETE FROM cathouse.tasks"))
    before, rights_before = contents(clean_db), rights(clean_db)
    kept = command("db", "restore", "--replace", "--yes", str(damaged))
    assert kept.status == 2
    assert kept.err.startswith("pg_restore failed: ")  # its table of contents was whole
    assert kept.err.count("\n") == 1
    assert (contents(clean_db), rights(clean_db)) == (before, rights_before)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", fresh.for_libpq())
    assert command("db", "restore", str(damaged)).status == 2
    with connect(fresh) as connection:
        assert schemas(connection) == set()


def test_what_is_no_dump_of_ours_is_refused_before_anything_happens(
    command: Command, clean_db: DatabaseUrl, filled: Engine, tmp_path: Path
) -> None:
    before = contents(clean_db)
    text_file = tmp_path / "notes.txt"
    text_file.write_text("not a dump")
    other = tmp_path / "other.dump"
    with filled.begin() as connection:
        connection.execute(text("CREATE TABLE public.jar (id int)"))
    subprocess.run(
        [find_program("pg_dump", clean_db), "--format=custom", "--schema=public", f"--file={other}"],
        env=programs.program_environment(clean_db),
        check=True,
    )
    for file, told in (
        (tmp_path / "nothing", "is not a file"),
        (text_file, "is no dump that can be restored"),
        (other, "does not hold the schema cathouse"),
    ):
        outcome = command("db", "restore", "--replace", "--yes", str(file))
        assert outcome.status == 2
        assert told in outcome.err
        assert outcome.err.count("\n") == 1
    assert contents(clean_db) == before


def test_a_restore_that_was_cut_short_wants_a_decision_first(
    command: Command, dump: Path, clean_db: DatabaseUrl
) -> None:
    with connect(clean_db) as connection:
        connection.execute(text(f"ALTER SCHEMA cathouse RENAME TO {SET_ASIDE}"))
        connection.commit()
    outcome = command("db", "restore", "--replace", "--yes", str(dump))
    assert outcome.status == 2
    assert f"ALTER SCHEMA {SET_ASIDE} RENAME TO cathouse brings it back" in outcome.err
    with connect(clean_db) as connection:
        assert schemas(connection) == {SET_ASIDE}
