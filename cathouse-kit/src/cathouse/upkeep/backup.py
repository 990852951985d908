"""Keeping a copy of everything, and bringing it back whole or not at all.

A dump holds the schema ``cathouse`` with its data, its rights and its triggers, in pg_dump's custom format. It holds
no extension (making one may need a superuser: the restore looks after it), no role (they belong to the cluster: the
restore makes the group roles) and no owner (everything belongs to the role that restores).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cathouse.configuration import ConfigurationError
from cathouse.database.migration_state import CURRENT_REVISION
from cathouse.database.urls import DatabaseUrl
from cathouse.schema import SCHEMA
from cathouse.schema.ownership import SERVICES, role, role_statements
from cathouse.upkeep.direct import connect, first_line
from cathouse.upkeep.programs import find_program, run_program

SET_ASIDE = f"{SCHEMA}_before_restore"
"""What the schema is called while another is restored in its place."""

_DUMP = ("--format=custom", f"--schema={SCHEMA}", "--no-password", "--lock-wait-timeout=30s")
# pg_restore connects only when it is given a database; which one, its environment says.
_RESTORE = (
    "--single-transaction",
    "--exit-on-error",
    "--no-owner",
    "--no-password",
    "--dbname=fallback_application_name=cathouse-backup",
)
_OBJECTS = text(
    """
    SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid)
         + (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid)
         + (SELECT count(*) FROM pg_type WHERE typnamespace = n.oid)
    FROM pg_namespace n WHERE n.nspname = :schema
    """
)
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY tablename")


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in the database after a restore: the structure's revision, and each table's number of rows."""

    revision: str | None
    rows: dict[str, int]


def backup_to_file(url: DatabaseUrl, target: Path, *, replace: bool) -> int:
    """Write a dump to ``target``, readable for us alone, and return its size in bytes.

    The file gets its name when it is whole: an interrupted backup leaves nothing, or the file that was there before.

    Raises:
        ConfigurationError: when the file is there already (and ``replace`` is not given) or the dump fails.
    """
    if target.exists() and not replace:
        raise ConfigurationError(f"{target} is there already (--force replaces it)")
    try:
        handle, unfinished = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written: {error.strerror}") from None
    os.close(handle)
    path = Path(unfinished)
    try:
        run_program(find_program("pg_dump", url), (*_DUMP, f"--file={path}"), url)
        size = path.stat().st_size
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
    return size


def backup_to_descriptor(url: DatabaseUrl, descriptor: int) -> None:
    """Write a dump to an open file or pipe; when this raises, what was written so far is of no use.

    Raises:
        ConfigurationError: when the dump fails.
    """
    run_program(find_program("pg_dump", url), _DUMP, url, stdout=descriptor)


def is_restorable_into(url: DatabaseUrl) -> bool:
    """Whether the database's schema is absent or empty, so that a restore replaces nothing.

    Raises:
        ConfigurationError: when a restore was cut short there and wants a decision first.
    """
    with connect(url) as connection:
        if connection.scalar(_OBJECTS, {"schema": SET_ASIDE}) is not None:
            raise ConfigurationError(
                f"a restore was cut short: the schema {SET_ASIDE} holds what was there before. ALTER SCHEMA {SET_ASIDE}"
                f" RENAME TO {SCHEMA} brings it back (after DROP SCHEMA {SCHEMA} CASCADE, if that is there as well);"
                f" DROP SCHEMA {SET_ASIDE} CASCADE gives it up"
            )
        return not connection.scalar(_OBJECTS, {"schema": SCHEMA})


def restore(url: DatabaseUrl, dump: Path) -> Restored:
    """Bring the dump back into the database of ``url``, in place of the schema that is there.

    One transaction, ended by the first error; until it has succeeded what was there before is kept under another name,
    and gets its own name back when it has not.

    Raises:
        ConfigurationError: when the file is no dump of ours, or it cannot be restored; the database is as before.
    """
    program = find_program("pg_restore", url)
    _check_dump(program, dump)
    with _in_place_of_the_old(url):
        run_program(program, (*_RESTORE, str(dump)), url)
    with connect(url, statement_timeout_s=0) as connection:
        return _look(connection)


def _check_dump(program: Path, dump: Path) -> None:
    if not dump.is_file():
        raise ConfigurationError(f"{dump} is not a file")
    try:
        listed = run_program(program, ("--list", str(dump)), None).stdout.decode(errors="replace")
    except ConfigurationError as error:
        raise ConfigurationError(f"{dump} is no dump that can be restored: {error}") from None
    if f" SCHEMA - {SCHEMA} " not in listed:
        raise ConfigurationError(f"{dump} is a dump, but not of Cat House: it does not hold the schema {SCHEMA}")


@contextmanager
def _in_place_of_the_old(url: DatabaseUrl) -> Iterator[None]:
    """Prepare the database, keep its schema aside meanwhile, and drop it when all went well."""
    was_there = _prepare(url)
    try:
        yield
    except BaseException:  # Ctrl-C as well: what was there must come back
        if was_there:
            _run(url, f"ALTER SCHEMA {SET_ASIDE} RENAME TO {SCHEMA}")
        raise
    if was_there:
        _run(url, f"DROP SCHEMA {SET_ASIDE} CASCADE")


def _run(url: DatabaseUrl, statement: str) -> None:
    with connect(url, autocommit=True) as connection:
        try:
            connection.execute(text(statement))
        except DBAPIError as error:
            raise ConfigurationError(
                f"{first_line(error)}: the schema {SET_ASIDE} still holds what was there before; {statement} is to be"
                " run by hand"
            ) from None


def _prepare(url: DatabaseUrl) -> bool:
    """Make the extension and the group roles, rename the schema, and say whether there was one."""
    with connect(url) as connection:
        _require_vector(connection)
        try:
            _require_roles(connection)
            was_there = connection.scalar(_OBJECTS, {"schema": SCHEMA}) is not None
            if was_there:
                connection.execute(text(f"ALTER SCHEMA {SCHEMA} RENAME TO {SET_ASIDE}"))
            connection.commit()
        except DBAPIError as error:
            raise ConfigurationError(f"the database {url!r} cannot be prepared: {first_line(error)}") from None
    return was_there


def _require_roles(connection: Connection) -> None:
    names = [role(service) for service in SERVICES]
    there = connection.scalars(
        text("SELECT rolname FROM pg_roles WHERE rolname = ANY (:names)"), {"names": names}
    ).all()
    # Asked first: CREATE ROLE is refused to many an owner of a database, also when there is nothing to create.
    if set(there) != set(names):
        for statement in role_statements():
            connection.execute(text(statement))


def _require_vector(connection: Connection) -> None:
    if connection.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")):
        return
    try:
        connection.execute(text("CREATE EXTENSION vector SCHEMA public"))
    except DBAPIError as error:
        raise ConfigurationError(
            f"the extension `vector` (pgvector) is missing and cannot be made ({first_line(error)}): install pgvector"
            " and let a superuser run CREATE EXTENSION vector; on Neon and Supabase the database's owner may"
        ) from None


def _look(connection: Connection) -> Restored:
    rows: dict[str, int] = {}
    for table in connection.scalars(_TABLES, {"schema": SCHEMA}).all():
        rows[table] = int(connection.scalar(text(f'SELECT count(*) FROM {SCHEMA}."{table}"')) or 0)  # noqa: S608
        # A dump has no statistics: without them the planner guesses until autovacuum has been there.
        connection.execute(text(f'ANALYZE {SCHEMA}."{table}"'))
    connection.commit()
    return Restored(revision=connection.scalar(CURRENT_REVISION), rows=rows)
