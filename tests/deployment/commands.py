"""Whether what a manifest, a workflow or a page runs is there: a ``cathouse`` command, a target of the Makefile."""

import re
from typing import Any

import typer

from cathouse.cli.root import app
from tests.deployment.manifests import ROOT

_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def check_command(*words: str) -> None:
    """Parse a call of ``cathouse`` as it would be, without running it; the words exclude the program's name.

    Raises:
        UsageError: naming what it does not know.
    """
    command: Any = typer.main.get_command(app)
    context = command.make_context("cathouse", list(words), resilient_parsing=True)
    rest = list(words)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context, resilient_parsing=hasattr(command, "commands"))


def make_targets() -> set[str]:
    """The targets that a person calls."""
    return set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
