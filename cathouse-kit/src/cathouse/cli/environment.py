"""``cathouse env``: a .env with fresh secrets."""

import re
import secrets
from pathlib import Path
from typing import Annotated

import typer

from cathouse.cli.env_file import misspelt
from cathouse.configuration import ConfigurationError
from cathouse.private_files import write_private

_GENERATED = {"JWT_SECRET", "PLATFORM_SECRET", "METRICS_TOKEN"}
_LINE = re.compile(r"^([A-Z_]+)=$")


def write_env(
    *,
    target: Annotated[Path, typer.Option(help="The file to write.")] = Path(".env"),
    example: Annotated[Path, typer.Option(help="The commented example to begin with.")] = Path(".env.example"),
    force: Annotated[bool, typer.Option(help="Replace an existing file, and with it its secrets.")] = False,
) -> None:
    """Write a .env from .env.example with fresh secrets. An existing one is left alone, and its misspelt names told."""
    if target.exists() and not force:
        kept = f"{target} is there already; its secrets may be in use (--force replaces it)"
        raise ConfigurationError("\n".join([kept, *misspelt(target, example)]))
    if not example.is_file():
        raise ConfigurationError(f"{example} is not here; run this in the root of the checkout")
    lines = []
    for line in example.read_text(encoding="utf-8").splitlines():
        found = _LINE.match(line)
        fresh = found is not None and found.group(1) in _GENERATED
        lines.append(f"{line}{secrets.token_urlsafe(36)}" if fresh else line)
    write_private(target, "\n".join(lines) + "\n")
    print(f"{target} written with fresh secrets; fill in DATABASE_URL and MIGRATION_DATABASE_URL")
