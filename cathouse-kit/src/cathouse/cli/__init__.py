"""The ``cathouse`` command."""

import sys

_EXTRA = ("alembic", "psycopg2", "rich", "typer")


def main() -> None:
    """Run the command, where what it needs is installed: the extra ``operator``."""
    try:
        from cathouse.cli.root import main as run  # noqa: PLC0415 - only where the extra is installed
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.exit(
            "the `cathouse` command is not installed here: run it in auth-service's container, or"
            " pip install 'cathouse-kit[operator]'"
        )
    run()


__all__ = ["main"]
