"""The command's root: what joins it, and how failures are told."""

import importlib.metadata
import logging
import sys

import psycopg2
import structlog
import typer
from sqlalchemy.exc import DBAPIError

from cathouse.cli import backup, database, environment, inspection, keys, neon, rehearsal
from cathouse.cli.ending import fail
from cathouse.configuration import ConfigurationError
from cathouse.database.failures import explain
from cathouse.errors import ServiceError
from cathouse.upkeep.direct import let_signals_through

UNUSABLE = 2
"""The exit status where an operator has to mend something first."""

_LOCAL = ("argon2", "fcntl", "psutil", "standardwebhooks")
"""What the commands for development import and may be missing: the extra `local`, and Windows has no fcntl."""

app = typer.Typer(
    name="cathouse",
    help="Run, look after and try Cat House.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(database.app, name="db")
inspection.add_to(database.app)
backup.add_to(database.app)
rehearsal.add_to(database.app)
app.add_typer(keys.app, name="keys")
app.add_typer(neon.app, name="neon")
app.command("env")(environment.write_env)


def main() -> None:
    """Run the command; what an operator can mend is told in a line and ends with status 2."""
    _log_to_standard_error()
    let_signals_through()
    _add_local_commands()
    for entry_point in importlib.metadata.entry_points(group="cathouse.commands"):
        _join(entry_point.name, entry_point.load())
    try:
        app()
    except (ConfigurationError, ServiceError, ValueError) as error:
        fail(str(error), status=UNUSABLE)
    except (DBAPIError, psycopg2.Error) as error:
        fail(f"the database: {explain(error)}", status=UNUSABLE)


def _join(name: str, group: typer.Typer) -> None:
    """Add a service's commands: a group of their own, or further members of one that is there."""
    there = next((each.typer_instance for each in app.registered_groups if each.name == name), None)
    if there is None:
        app.add_typer(group, name=name)
    elif not any(command in there.registered_commands for command in group.registered_commands):
        there.registered_commands.extend(group.registered_commands)


def _log_to_standard_error() -> None:
    """What a command prints is its answer: warnings stand beside it, and nothing less."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def _add_local_commands() -> None:
    try:
        from cathouse.cli import local  # noqa: PLC0415 - only where the extra `local` is installed
    except ModuleNotFoundError as error:
        if error.name not in _LOCAL:
            raise
        return
    local.add_to(app)
