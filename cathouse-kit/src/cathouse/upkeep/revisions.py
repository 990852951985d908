"""What there is to migrate: the revisions between a database and the newest one, their SQL, and their lint."""

import hashlib
import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

from cathouse.configuration import ConfigurationError
from cathouse.database.migration_state import CURRENT_REVISION, IS_MIGRATED
from cathouse.database.urls import DatabaseUrl
from cathouse.upkeep.direct import connect
from cathouse.upkeep.migrations import alembic_config, find_alembic_ini

BASE = "base"
"""Alembic's word for a database without any revision."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way from one revision to another, upwards."""

    start: str
    target: str
    revisions: tuple[str, ...]
    digest: str
    """Of the revisions' files: the same way with other contents is another one."""

    def __str__(self) -> str:
        return f"{self.start} → {self.target}"


def current_revision(connection: Connection) -> str:
    """Where the database stands; ``base`` when nothing of ours is there."""
    if not connection.scalar(IS_MIGRATED):
        return BASE
    return str(connection.scalar(CURRENT_REVISION) or BASE)


def revision_of(url: DatabaseUrl) -> str:
    """The same for a database that nobody is connected to yet.

    Raises:
        ConfigurationError: when it cannot be reached.
    """
    with connect(url) as connection:
        return current_revision(connection)


def route(start: str, target: str = "head", *, ini: Path | None = None) -> Route:
    """The revisions above ``start`` up to ``target``, oldest first.

    Raises:
        ConfigurationError: when this code knows no such revision: the database is newer than the code.
    """
    scripts = ScriptDirectory.from_config(alembic_config(None, ini=ini))
    known = {script.revision: script for script in scripts.walk_revisions()}
    if start not in {BASE, *known}:
        raise ConfigurationError(
            f"the database is at revision {start}, which this code does not know: it is older than the database"
        )
    try:
        found: list[Script] = list(scripts.iterate_revisions(target, start))
    except (CommandError, RevisionError) as error:
        raise ConfigurationError(
            f"the way to {target} is not clear: {error} (`alembic heads` shows the ends)"
        ) from None
    found.reverse()
    digest = hashlib.sha256()
    for script in found:
        digest.update(Path(script.path).read_bytes())
    reached = found[-1].revision if found else start
    return Route(start, reached, tuple(script.revision for script in found), digest.hexdigest()[:16])


def sql_of(start: str, target: str, *, ini: Path | None = None) -> str:
    """The SQL that leads from ``start`` to ``target``; nothing is run."""
    config = alembic_config(None, ini=ini)
    config.output_buffer = io.StringIO()
    command.upgrade(config, f"{start}:{target}", sql=True)
    return config.output_buffer.getvalue()


def lint(statements: str, *, ini: Path | None = None) -> Sequence[str] | None:
    """What squawk has to say against the SQL of a revision, a line each; None where squawk is not installed.

    Raises:
        ConfigurationError: when squawk did not read it, so that its silence says nothing.
    """
    beside = Path(sys.executable).with_name("squawk")
    program = str(beside) if beside.is_file() else shutil.which("squawk")
    if program is None:
        return None
    rules = (ini or find_alembic_ini()).with_name("squawk.toml")
    done = subprocess.run(  # noqa: S603 - the linter, with arguments of ours
        (program, "--config", str(rules), "--reporter", "gcc", "--stdin-filepath", "revision.sql"),
        input=statements,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("revision.sql:")]
    # It ends with 1 for both: what it has to say, and that it could not begin.
    if done.returncode != 0 and not found:
        said = (done.stderr or done.stdout).strip() or f"status {done.returncode}"
        raise ConfigurationError(f"squawk failed: {said.splitlines()[0]}")
    return found
