"""Printing what a database gave: tables that a pipe gets whole, and text that cannot steer a terminal."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNLIMITED = 100_000
"""Characters: a pipe has no width, and nothing that it carries is cut."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()) -> None:
    """Print ``rows`` under ``columns``; those named in ``right`` are numbers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    is_terminal = sys.stdout.isatty()
    numbers = set(right)
    for column in columns:
        table.add_column(
            Text(plain(column)),
            justify="right" if column in numbers else "left",
            overflow="fold",
            no_wrap=not is_terminal or column in numbers,
        )
    for row in rows:
        table.add_row(*(Text(plain(value)) for value in row))
    Console(highlight=False, width=None if is_terminal else _UNLIMITED).print(table)


def plain(value: object) -> str:
    """The value as text; what is not printable (an escape sequence in somebody's name) is shown, not sent."""
    if value is None:
        return "NULL"
    text = str(value) if not isinstance(value, bytes | memoryview) else f"\\x{bytes(value).hex()}"
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


def size(count: int) -> str:
    """``count`` bytes for a reader."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TB"
