"""The end of a process, told to what would else go on for as long as its client likes.

At shutdown a server waits for the answers that have begun, and only then tells the application. An open stream would
keep it waiting until SHUTDOWN_TIMEOUT cuts it off.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Ending:
    """Whether the process is about to end. ``provided("ending")`` gives a service's own."""

    def __init__(self) -> None:
        self.has_begun = False
        self._told: dict[object, Callable[[], None]] = {}

    def begin(self) -> None:
        """Tell everybody; called by :class:`cathouse.web.server.Server` when it stops taking connections."""
        self.has_begun = True
        for callback in list(self._told.values()):
            callback()

    @contextmanager
    def told(self, callback: Callable[[], None]) -> Iterator[None]:
        """Within the block ``callback`` is called when the end begins; at once when it has begun. It must not wait."""
        entry = object()
        self._told[entry] = callback
        try:
            if self.has_begun:
                callback()
            yield
        finally:
            del self._told[entry]
