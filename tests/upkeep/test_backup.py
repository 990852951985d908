"""A backup comes back whole, with its rights, or not at all; and no password is seen on the way."""

import io
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.postgres_programs import postgres_folder
from cathouse.local.seed import seed
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

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'cathouse' ORDER BY tablename")
# Who may do what, and what guards the tables: by names, since the owner and all oids differ. A CHECK that is read back
# has its casts in other places: x IN ('a', 'b') has one for the list before, and one for each member after.
_RIGHTS = text(
    """
    SELECT c.relname AS thing, a.attname AS part, pg_get_userbyid(acl.grantee) AS role, acl.privilege_type AS said
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
    WHERE c.relnamespace = 'cathouse'::regnamespace
    UNION ALL
    SELECT c.relname, '', pg_get_userbyid(acl.grantee), acl.privilege_type
    FROM pg_class c, aclexplode(c.relacl) acl
    WHERE c.relnamespace = 'cathouse'::regnamespace AND acl.grantee <> c.relowner
    UNION ALL
    SELECT n.nspname, '', pg_get_userbyid(acl.grantee), acl.privilege_type
    FROM pg_namespace n, aclexplode(n.nspacl) acl WHERE n.nspname = 'cathouse' AND acl.grantee <> n.nspowner
    UNION ALL
    SELECT tgname, tgrelid::regclass::text, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL
    SELECT conname, conrelid::regclass::text, convalidated::text,
           CASE contype WHEN 'c' THEN 'check' ELSE pg_get_constraintdef(oid) END FROM pg_constraint
    WHERE connamespace = 'cathouse'::regnamespace
    UNION ALL
    SELECT indexname, tablename, '', indexdef FROM pg_indexes WHERE schemaname = 'cathouse'
    ORDER BY 1, 2, 3, 4
    """
)


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


def contents(url: DatabaseUrl) -> dict[str, list[str]]:
    """Every row of every table, as Postgres writes it."""
    with connect(url) as connection:
        return {
            table: sorted(connection.scalars(text(f"SELECT t::text FROM cathouse.{table} t")).all())
            for table in connection.scalars(_TABLES).all()
        }


def rights(url: DatabaseUrl) -> list[tuple[str, ...]]:
    with connect(url) as connection:
        return [tuple(row) for row in connection.execute(_RIGHTS)]


def schemas(connection: Connection) -> set[str]:
    found = connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'cathouse%'"))
    return set(found.all())


def start(
    arguments: list[str],
    url: DatabaseUrl,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"MIGRATION_DATABASE_URL": url.for_libpq()}
    command = [sys.executable, "-m", "cathouse.cli", "db", *arguments]
    return subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)


def arguments_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


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


def test_the_file_is_ours_alone_and_is_not_replaced_by_accident(command: Command, dump: Path) -> None:
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert list(dump.parent.iterdir()) == [dump]
    before = dump.read_bytes()
    refused = command("db", "backup", str(dump))
    assert (refused.status, refused.err) == (2, f"{dump} is there already (--force replaces it)\n")
    assert dump.read_bytes() == before
    assert command("db", "backup", "--force", str(dump)).status == 0
    assert list(dump.parent.iterdir()) == [dump]


def test_a_folder_that_is_not_there_is_one_line(command: Command, tmp_path: Path) -> None:
    outcome = command("db", "backup", str(tmp_path / "no" / "cats.dump"))
    assert outcome.status == 2
    assert outcome.err.endswith("cats.dump cannot be written: No such file or directory\n")


def test_no_argument_shows_the_password_and_an_interrupted_backup_leaves_no_file(
    clean_db: DatabaseUrl, filled: Engine, tmp_path: Path
) -> None:
    with filled.begin() as connection:
        connection.execute(text("LOCK TABLE cathouse.users IN ACCESS EXCLUSIVE MODE"))  # pg_dump waits for it
        running = start(["backup", str(tmp_path / "cats.dump")], clean_db, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        dumping: list[psutil.Process] = []
        while not dumping and time.monotonic() < deadline:
            time.sleep(0.05)
            children = psutil.Process(running.pid).children(recursive=True)
            dumping = [each for each in children if "--format=custom" in arguments_of(each)]
        assert dumping
        shown = " ".join(arguments_of(dumping[0]))
        assert str(clean_db.password) not in shown
        assert clean_db.host not in shown
        assert len(list(tmp_path.iterdir())) == 1  # the unfinished one
        dumping[0].terminate()
        _, complaint = running.communicate(timeout=30)
    assert running.returncode == 2
    assert complaint.decode().startswith("pg_dump failed")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_goes_through_pipes_as_well(
    filled: Engine, clean_db: DatabaseUrl, fresh: DatabaseUrl, tmp_path: Path
) -> None:
    written = start(["backup", "-"], clean_db, stdout=subprocess.PIPE)
    assert written.stdout is not None
    restored = start(["restore", "-"], fresh, stdin=written.stdout.fileno(), stdout=subprocess.DEVNULL)
    written.stdout.close()
    assert (written.wait(60), restored.wait(60)) == (0, 0)
    assert contents(fresh) == contents(clean_db)


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
    command: Command, clean_db: DatabaseUrl, filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def program(folder: Path, version: str) -> Path:
    """A pg_dump that says which version it is."""
    folder.mkdir()
    path = folder / "pg_dump"
    path.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
    path.chmod(0o755)
    return path


def test_a_program_older_than_the_server_is_passed_over(
    clean_db: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = program(tmp_path / "old", "9.6.24")
    monkeypatch.setenv("PATH", str(old.parent), prepend=os.pathsep)
    found = find_program("pg_dump", clean_db)
    assert found != old
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    with connect(clean_db) as connection:
        server = str(connection.scalar(text("SHOW server_version")))
    assert int(told.split()[2].split(".")[0]) >= int(server.split(".", maxsplit=1)[0])


def test_the_closest_version_is_taken(clean_db: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = program(tmp_path / "far", "99.1")
    monkeypatch.setenv("PATH", str(far.parent))
    assert find_program("pg_dump", clean_db) != far
    monkeypatch.setattr(programs, "_PACKAGE", "a_package_that_is_not_installed")
    assert find_program("pg_dump", clean_db) == far


def test_without_any_program_it_is_said_what_to_install(
    clean_db: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_PACKAGE", "a_package_that_is_not_installed")
    with pytest.raises(ConfigurationError, match=r"install postgresql-client-\d+, or the extra `local`"):
        find_program("pg_dump", clean_db)


def test_the_environment_of_a_program_is_libpqs_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1")
    monkeypatch.setenv("PGSERVICE", "somewhere")
    certificate = Path(__file__)
    url = DatabaseUrl.parse(
        f"postgresql://me:p%40ss@db.example.com:6543/cats?sslmode=verify-full&sslrootcert={certificate}"
    )
    environment = programs.program_environment(url)
    assert {name: value for name, value in environment.items() if name.startswith("PG")} == {
        "PGHOST": "db.example.com",
        "PGPORT": "6543",
        "PGUSER": "me",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "cats",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(certificate),
        "PGAPPNAME": "cathouse-backup",
        "PGCONNECT_TIMEOUT": "10",
    }
