"""How long each phase of a call took."""

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Phases:
    """Seconds spent in each phase of one call; None where it was not reached or was not needed."""

    lookup: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None


class Stopwatch:
    """Measures one phase after the other."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def lap(self) -> float:
        """Seconds since the last lap, or since the beginning."""
        now = time.monotonic()
        passed, self._last = now - self._last, now
        return passed
