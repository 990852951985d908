"""``cathouse db rehearse``, ``promote``, ``diff`` and ``suggest-indexes``: what is tried on a copy first."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cathouse.cli.tables import plain, print_table
from cathouse.configuration import ConfigurationError, load
from cathouse.database import DatabaseUrl, MigrationSettings
from cathouse.neon import NeonBranches, NeonClient, NeonSettings
from cathouse.upkeep.copies import Copies, TemplateCopies, copy_name
from cathouse.upkeep.direct import connect
from cathouse.upkeep.index_trials import try_indexes
from cathouse.upkeep.models import structure_of_models
from cathouse.upkeep.rehearsal import Record, Rehearser, promote
from cathouse.upkeep.structure import Structure, differences, read_structure

MODELS = "models"
"""What stands for the structure that this code's models describe."""

_DEFAULT_RECORD = Path(".cathouse") / "rehearsal.json"

_RecordPath = Annotated[Path, typer.Option("--record", help="The file that keeps what was rehearsed.")]


def add_to(app: typer.Typer) -> None:
    """Join the commands of ``cathouse db``."""
    app.command("rehearse")(rehearse)
    app.command("promote")(promote_rehearsed)
    app.command("diff")(diff)
    app.command("suggest-indexes")(suggest_indexes)


def rehearse(*, record: _RecordPath = _DEFAULT_RECORD) -> None:
    """Migrate a copy of the database up, down and up again, compare, lint, and remove the copy.

    The copy is a Neon branch where NEON_API_KEY and NEON_PROJECT_ID are set and the database is elsewhere, else another
    database of the same server. When nothing is pending, the last revision is taken back and up again.
    """
    url = load(MigrationSettings).url()
    _require_writable(record)
    with _copies(url) as copies:
        rehearsal = Rehearser(copies, tell=lambda step: print(f"· {step}")).rehearse()
    for change in rehearsal.changes:
        print(plain(change))
    if rehearsal.record is None:
        for fault in rehearsal.faults:
            print(plain(fault), file=sys.stderr)
        print(f"{rehearsal.route} must not be promoted: {len(rehearsal.faults)} faults", file=sys.stderr)
        sys.exit(1)
    rehearsal.record.write(record)
    print(f"{rehearsal.route} went well; cathouse db promote does it to {url!r} ({record})")


def promote_rehearsed(*, record: _RecordPath = _DEFAULT_RECORD) -> None:
    """Upgrade the database as it was rehearsed, and nothing else."""
    url = load(MigrationSettings).url()
    rehearsed = Record.read(record)
    surprises = promote(url, rehearsed)
    if not surprises:
        print(f"{url!r} is at {rehearsed.target}, with the structure that was rehearsed")
        return
    print(f"{url!r} is at {rehearsed.target}, but not with the structure that was rehearsed:", file=sys.stderr)
    for each in surprises:
        print(plain(each), file=sys.stderr)
    sys.exit(1)


def diff(
    before: Annotated[str, typer.Argument(help=f"A database of the server, a Neon branch, or `{MODELS}`.")],
    after: Annotated[str, typer.Argument(help="The same.")],
) -> None:
    """Say in what the structure of AFTER differs from that of BEFORE; the exit status is 1 when it does."""
    url = load(MigrationSettings).url()
    found = differences(_structure(url, before), _structure(url, after))
    for each in found:
        print(plain(each))
    print(f"{len(found)} differences" if found else "no difference")
    sys.exit(1 if found else 0)


def suggest_indexes(
    statement: Annotated[str, typer.Argument(help="One SQL statement, or - for standard input.")],
) -> None:
    """Try indexes for a statement on a copy, and say what each would gain. The database itself is left alone.

    An index that is worth it belongs into a revision: MIGRATIONS.md says how.
    """
    source = sys.stdin.read() if statement == "-" else statement
    url = load(MigrationSettings).url()
    # Without a limit: nobody else is on the copy, and an index takes as long as there are rows.
    with _copies(url) as copies, copies.copy(copy_name()) as copy, connect(copy, statement_timeout_s=0) as connection:
        now, trials = try_indexes(connection, source)
    print(f"as it is: cost {now.cost:.0f}, {now.milliseconds:.1f} ms")
    if not trials:
        print("no index that was tried makes its plan cheaper")
        return
    rows = [
        (
            f"{trial.measured.cost:.0f}",
            f"{100 * (1 - trial.measured.cost / now.cost):.0f} %",
            f"{trial.measured.milliseconds:.1f}",
            trial.statement,
        )
        for trial in trials
    ]
    print_table(("cost", "gain", "ms", "index"), rows, right=("cost", "gain", "ms"))


@contextmanager
def _copies(url: DatabaseUrl) -> Iterator[Copies]:
    settings = load(NeonSettings)
    if settings.is_configured and not url.is_local:
        with NeonClient.from_settings(settings) as client:
            yield NeonBranches.from_settings(client, settings)
    else:
        yield TemplateCopies(url, tell=lambda step: print(f"· {step}"))


def _require_writable(record: Path) -> None:
    """Refuse before the work what would fail after it: containers have read-only file systems."""
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        with record.open("r+b") if record.exists() else tempfile.TemporaryFile(dir=record.parent):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"{record} cannot be written: {error.strerror} (--record names another file)"
        ) from None


def _structure(url: DatabaseUrl, name: str) -> Structure:
    if name == MODELS:
        with _copies(url) as copies, copies.copy(copy_name()) as copy, connect(copy) as connection:
            return structure_of_models(connection)
    settings = load(NeonSettings)
    if settings.is_configured and not url.is_local:
        with NeonClient.from_settings(settings) as client:
            url = NeonBranches.from_settings(client, settings).url_of(name)
    else:
        url = url.replace(name=name)
    with connect(url) as connection:
        found = read_structure(connection)
    if not any(found.values()):
        raise ConfigurationError(f"{name} holds nothing of Cat House (no schema cathouse)")
    return found
