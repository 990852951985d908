"""The command's root: what joins it, and how failures are told."""

import importlib.metadata
import sys

import typer
from rich.console import Console

from cathouse.cli import database, environment, keys
from cathouse.configuration import ConfigurationError
from cathouse.errors import ServiceError

app = typer.Typer(
    name="cathouse",
    help="Run, look after and try Cat House.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(database.app, name="db")
app.add_typer(keys.app, name="keys")
app.command("env")(environment.write_env)


def main() -> None:
    """Run the command; what an operator can mend is told in a line and ends with status 2."""
    _add_local_commands()
    for entry_point in importlib.metadata.entry_points(group="cathouse.commands"):
        app.add_typer(entry_point.load(), name=entry_point.name)
    try:
        app()
    except (ConfigurationError, ServiceError, ValueError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), style="red", markup=False)
        sys.exit(2)


def _add_local_commands() -> None:
    try:
        from cathouse.cli import local  # noqa: PLC0415 - only where the extra `local` is installed
    except ModuleNotFoundError:
        return
    local.add_to(app)
