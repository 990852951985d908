"""``cathouse db backup`` and ``cathouse db restore``."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cathouse.cli.tables import print_table, size
from cathouse.configuration import ConfigurationError, load
from cathouse.database import MigrationSettings
from cathouse.schema import HEAD_REVISION, SCHEMA
from cathouse.upkeep.backup import backup_to_descriptor, backup_to_file, is_restorable_into, restore

_STREAM = "-"


def add_to(app: typer.Typer) -> None:
    """Join the commands of ``cathouse db``."""
    app.command("backup")(backup_database)
    app.command("restore")(restore_database)


def backup_database(
    file: Annotated[str, typer.Argument(help="The file to write, or - for standard output.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it is there.")] = False,
) -> None:
    """Write a copy of the schema with its data and rights to FILE, in pg_dump's custom format, mode 0600.

    It holds everything, password hashes and wrapped keys included: keep it as you keep the database.
    """
    url = load(MigrationSettings).url()
    if file != _STREAM:
        print(f"{file}: {size(backup_to_file(url, Path(file), replace=force))} of {url!r}")
        return
    if sys.stdout.isatty():
        raise ConfigurationError("a dump is nothing to look at: send it to a file or through a pipe")
    backup_to_descriptor(url, sys.stdout.fileno())


def restore_database(
    file: Annotated[str, typer.Argument(help="What `cathouse db backup` wrote, or - for standard input.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Give up what is in the schema now.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Bring FILE back into the database, whole or not at all.

    A schema that is not empty is only replaced with --replace, and stays as it was when the restore fails.
    """
    url = load(MigrationSettings).url()
    if not is_restorable_into(url):
        if not replace:
            raise ConfigurationError(f"the schema {SCHEMA} of {url!r} is not empty (--replace gives up what it holds)")
        if not yes and file == _STREAM:
            raise ConfigurationError("standard input is the dump, so it cannot be asked: --yes is needed as well")
        if not yes:
            typer.confirm(f"Replace everything in the schema {SCHEMA} of {url!r}?", abort=True)
    with _dump(file) as dump:
        restored = restore(url, dump)
    print_table(("table", "rows"), [(name, f"{count:,}") for name, count in restored.rows.items()], right=("rows",))
    print(f"{url!r} restored, at {restored.revision or 'no revision'} (this code wants {HEAD_REVISION})")
    if restored.revision != HEAD_REVISION:
        print("`cathouse db upgrade` brings the structure up to date")


@contextmanager
def _dump(file: str) -> Iterator[Path]:
    if file != _STREAM:
        yield Path(file)
        return
    with tempfile.NamedTemporaryFile(prefix="cathouse-restore-") as received:
        shutil.copyfileobj(sys.stdin.buffer, received)
        received.flush()
        yield Path(received.name)
