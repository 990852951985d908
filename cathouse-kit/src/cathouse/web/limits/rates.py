"""How often something may be done: rates, and the limiter that holds a key to them.

Nothing here knows of HTTP. ``cathouse.web.limits.by_address`` limits by the client's address; a service limits by
whatever it counts (an installation, a cat) with :meth:`Limiter.hit`.
"""

import math
import re
import time
from dataclasses import dataclass, replace

from limits import RateLimitItem, parse
from limits.aio.strategies import MovingWindowRateLimiter
from limits.storage import StorageTypes

from cathouse.errors import ServiceError

OFF = "off"

LARGEST_COUNT = 10_000
"""Calls in one window: the time of each is kept."""

Rates = tuple[RateLimitItem, ...]
"""What a key is held to, shortest window first; none at all is no limit."""

_RATE = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,2} ?)?(second|minute|hour|day)s?")


def parse_rates(text: str) -> Rates:
    """Read rates like ``60/minute;600/hour`` (also ``5/10 minutes``); ``off`` is no limit.

    Raises:
        ValueError: saying what is expected.
    """
    if text.strip().lower() == OFF:
        return ()
    parts = [part.strip() for part in text.split(";")]
    if not all(_RATE.fullmatch(part) for part in parts):
        raise ValueError(
            "expected COUNT/second, COUNT/minute, COUNT/hour or COUNT/day, several separated by ; (60/minute;600/hour),"
            f" or {OFF}"
        )
    rates = sorted({parse(part) for part in parts}, key=RateLimitItem.get_expiry)
    if any(rate.amount > LARGEST_COUNT for rate in rates):
        raise ValueError(f"expected at most {LARGEST_COUNT} calls a window")
    return tuple(rates)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How a key stands with one of its rates: ``remaining`` of ``limit`` calls, one more in ``reset_s`` seconds."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-07: seconds from now, so that no clocks are compared."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class RateLimitedError(ServiceError):
    """Somebody calls too often."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, spent: Allowance) -> None:
        """``spent`` is the rate that has to be waited for longest."""
        super().__init__(
            f"Too many requests of this kind. Try again in {spent.reset_s} s.",
            headers=spent.headers(),
            retry_after_s=spent.reset_s,
        )
        self.spent = spent


class Limiter:
    """Holds keys to rates, by moving windows.

    At any moment the calls of the last 60 seconds are counted, not those since the clock's last full minute. A fixed
    window lets twice the number through around its end. The sliding window counter of the same library estimates: of a
    rate of 1/second its rounding leaves a fixed window, and when it refuses it does not know for how long. A moving
    window is exact, and so is Retry-After: the oldest call that counts has a time. Its price is 8 bytes a call, and our
    counts are small.

    The storage decides who shares the counts: ``cathouse.web.limits.memory`` is one process's own,
    ``cathouse.web.limits.shared`` counts for all replicas.
    """

    def __init__(self, storage: StorageTypes) -> None:
        self._windows = MovingWindowRateLimiter(storage)

    @property
    def is_shared(self) -> bool:
        """Whether other processes count with this one at this moment."""
        return False

    async def close(self) -> None:
        """Give back what counting needed."""

    async def hit(self, key: str, rates: Rates) -> Allowance | None:
        """Count a call of ``key`` and return how it stands with the rate that it is nearest to; None without rates.

        A refused call is counted by none of the rates, so waiting is always rewarded. (Only where another process takes
        the last place in the same moment a shorter window may have counted it.)

        Raises:
            RateLimitedError: with the time after which a call is let through, if no other comes in between.
        """
        standing = [await self._standing(key, rate) for rate in rates]
        if spent := [each for each in standing if each.remaining == 0]:
            raise RateLimitedError(max(spent, key=lambda each: each.reset_s))
        for rate in rates:
            if not await self._windows.hit(rate, key):
                # Where the storage is shared, another process may have taken the last place since.
                raise RateLimitedError(replace(await self._standing(key, rate), remaining=0))
        after = [replace(each, remaining=each.remaining - 1) for each in standing]
        return min(after, key=lambda each: (each.remaining, -each.reset_s), default=None)

    async def _standing(self, key: str, rate: RateLimitItem) -> Allowance:
        reset_at, remaining = await self._windows.get_window_stats(rate, key)
        # To the microsecond: what a sum of two times of day is off by must not become a second.
        reset_s = math.ceil(round(reset_at - time.time(), 6))
        return Allowance(rate.amount, max(0, remaining), max(1, reset_s))
