"""Which pg_dump and pg_restore are run, and in what environment."""

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.upkeep import programs
from cathouse.upkeep.direct import connect
from cathouse.upkeep.programs import find_program


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
