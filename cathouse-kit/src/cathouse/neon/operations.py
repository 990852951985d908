"""Waiting until Neon has done what it promised."""

import time
from collections.abc import Callable, Sequence

from cathouse.neon.errors import NeonError, one_line
from cathouse.neon.models import ENDED_BADLY, ENDED_WELL, Operation
from cathouse.neon.transport import pauses

LONGEST_LOOK_S = 3.0
"""Seconds between two looks at an operation, at most."""


def wait_until_finished(
    operations: Sequence[Operation],
    look: Callable[[Operation], Operation],
    *,
    deadline_s: float,
    first_pause_s: float,
) -> None:
    """Return when every operation is finished or skipped; ``look`` reads one anew.

    Raises:
        NeonError: when one failed or was cancelled, or is not finished after ``deadline_s`` seconds.
    """
    deadline = time.monotonic() + deadline_s
    for begun in operations:
        operation = begun
        for pause in pauses(first_pause_s):
            if operation.status in ENDED_WELL:
                break
            if operation.status in ENDED_BADLY:
                raise NeonError(f"Neon's operation {_describe(operation)}; look at it in Neon's console and try again")
            if time.monotonic() > deadline:
                raise NeonError(
                    f"Neon's operation {_describe(operation)} after {deadline_s:g} s; it may still finish:"
                    " `cathouse neon branch list` shows the state"
                )
            time.sleep(min(pause, LONGEST_LOOK_S))
            operation = look(operation)


def _describe(operation: Operation) -> str:
    reason = f" ({one_line(operation.error)})" if operation.error else ""
    return f"{operation.action} {operation.id} is {operation.status}{reason}"
