"""Idle means idle: a service that serves nobody sends no query, so that a serverless database can suspend."""

import asyncio
import time

IDLE_AFTER_S = 240.0
"""Seconds without a request after which a service is idle; under Neon's suspend time-out of 300."""


class Idleness:
    """Knows whether anybody was served lately.

    Health checks, metrics and the JWK set are not serving. What would query by timer asks ``is_idle`` first, or waits
    in ``until_served``.
    """

    def __init__(self, after_s: float = IDLE_AFTER_S) -> None:
        """A new process counts as just having served: what it finds undone is taken up at once."""
        self._after_s = after_s
        self._last = time.monotonic()
        self._waiting = asyncio.Event()

    def served(self) -> None:
        """Note that somebody is being served."""
        self._last = time.monotonic()
        self._waiting.set()

    @property
    def is_idle(self) -> bool:
        """Whether nobody was served for as long as makes a service idle."""
        return time.monotonic() - self._last > self._after_s

    async def until_served(self) -> None:
        """Return at once when the service is not idle, else with the next request."""
        while self.is_idle:
            self._waiting.clear()
            await self._waiting.wait()
