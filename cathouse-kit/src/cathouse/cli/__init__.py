"""The ``cathouse`` command."""

from cathouse.cli.root import main

__all__ = ["main"]
