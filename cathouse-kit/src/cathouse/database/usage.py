"""What a request takes of the database: how often it waits for it, and for how long."""

from contextvars import ContextVar
from typing import Any


class Usage:
    """What was taken so far, by one request or one batch of look-ups."""

    __slots__ = ("round_trips", "seconds", "span", "waited_s")

    def __init__(self) -> None:
        self.round_trips = 0
        self.seconds = 0.0
        """In units of work and for batches, the time for a connection included."""
        self.waited_s = 0.0
        """Of these, for a connection."""
        self.span: Any = None
        """What the request is traced as, if it is."""


_usage: ContextVar[Usage | None] = ContextVar("usage", default=None)


class measured:  # noqa: N801 - a block; a class, since a generator takes several times as long
    """Within the block, what this task takes of the database is counted here, and nowhere else."""

    __slots__ = ("_token", "_usage")

    def __enter__(self) -> Usage:
        """Begin at nothing."""
        self._usage = Usage()
        self._token = _usage.set(self._usage)
        return self._usage

    def __exit__(self, *_: object) -> None:
        """Go on counting where it was counted before."""
        _usage.reset(self._token)


def current_usage() -> Usage | None:
    """Where it is counted at the moment; None outside a request."""
    return _usage.get()
