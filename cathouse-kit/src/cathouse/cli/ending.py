"""How a command ends that cannot do what was asked."""

import sys
from typing import NoReturn

from rich.console import Console


def fail(message: str, *, status: int) -> NoReturn:
    """Say why, on standard error, and leave with ``status``."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, style="red", markup=False)
    sys.exit(status)
