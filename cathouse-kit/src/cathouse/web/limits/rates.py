"""How often something may be done: rates, and the limiter that holds a key to them.

Nothing here knows of HTTP. ``cathouse.web.limits.by_address`` limits by the client's address; a service limits by
whatever it counts (an installation, a cat) with :meth:`Limiter.hit`.
"""

import math
import re
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.storage import StorageTypes

from cathouse.errors import ServiceError

OFF = "off"

LARGEST_COUNT = 10_000
"""Calls in one window: the time of each is kept."""

LARGEST_MEMORY = 32 * 1024 * 1024
"""Bytes that the calls of all keys may take, for each length of window: some 100,000 addresses with a call each."""

Rates = tuple[RateLimitItem, ...]
"""What a key is held to, shortest window first; none at all is no limit."""

_RATE = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,2} ?)?(second|minute|hour|day)s?")

_BYTES_PER_KEY = 280
"""A key of some 60 characters, its place in the dictionary, an array: measured with tracemalloc on CPython 3.11."""

_BYTES_PER_CALL = 8


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

    The storage decides who shares the counts: :class:`BoundedMemoryStorage` is one process's own;
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

        A refused call is not counted, by none of the rates: waiting is always rewarded.

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


class BoundedMemoryStorage(MemoryStorage):
    """The library's storage in memory, with moving windows that stay small and cost the same for every key.

    The library's own looks through all keys after each call, each in a thread: with 1,000 addresses a call costs 100 ms
    of processor time, with 10,000 a second (limits 5.8.0, measured). Here keys stand in the order of their last call,
    by length of window, so that what has run out is always in front: a call drops it and looks no further. Beyond
    ``largest`` bytes (about) a window's keys that were quiet longest are dropped as well and begin anew. To get rid of
    a count in this way takes 100,000 addresses, each of which has calls of its own to spend.
    """

    def __init__(
        self,
        uri: str | None = None,
        wrap_exceptions: bool = False,  # noqa: FBT001, FBT002 - the library's signature
        *,
        clock: Callable[[], float] = time.monotonic,
        largest: int = LARGEST_MEMORY,
        **options: str,
    ) -> None:
        """``clock`` gives seconds that only go forward, whatever is done to the machine's time of day."""
        super().__init__(uri, wrap_exceptions, **options)
        self._clock = clock
        self._largest = largest
        self._calls: dict[int, _Window] = {}

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` calls, all or none; false when they are more than ``limit`` within ``expiry`` seconds."""
        now = self._clock()
        window = self._window(expiry)
        window.drop_what_ran_out(now)
        if len(window.read(key, now)) + amount > limit:
            return False
        window.add(key, now, amount, largest=self._largest)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """When the oldest call that counts was made, as time of day, and how many count."""
        now = self._clock()
        calls = self._window(expiry).read(key, now)
        age = now - calls[0] if calls else 0.0
        return time.time() - age, len(calls)

    async def clear(self, key: str) -> None:
        """Forget the calls of ``key``."""
        await super().clear(key)
        for window in self._calls.values():
            window.drop(key)

    async def reset(self) -> int | None:
        """Forget everything, and return how many keys there were."""
        others = await super().reset()
        keys = sum(len(window) for window in self._calls.values())
        self._calls.clear()
        return keys + (others or 0)

    def _window(self, length_s: int) -> "_Window":
        return self._calls.setdefault(length_s, _Window(length_s))


class _Window:
    """The calls within one length of time, by key; in front the key whose last call is the oldest."""

    def __init__(self, length_s: int) -> None:
        self._length_s = length_s
        self._calls: OrderedDict[str, array[float]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._calls)

    def read(self, key: str, now: float) -> Sequence[float]:
        """The times of the calls that still count, oldest first. A call counts for exactly the window's length."""
        calls = self._calls.get(key)
        if calls is None:
            return ()
        ended = bisect_right(calls, now - self._length_s)
        del calls[:ended]
        self._bytes -= ended * _BYTES_PER_CALL
        return calls

    def add(self, key: str, now: float, amount: int, *, largest: int) -> None:
        """Note ``amount`` calls, and make room for them."""
        if key not in self._calls:
            self._calls[key] = array("d")
            self._bytes += _BYTES_PER_KEY
        self._calls[key].extend([now] * amount)
        self._calls.move_to_end(key)
        self._bytes += amount * _BYTES_PER_CALL
        while self._bytes > largest and len(self._calls) > 1:
            self.drop(next(iter(self._calls)))

    def drop_what_ran_out(self, now: float) -> None:
        """Forget the keys none of whose calls counts any more."""
        while self._calls:
            key, calls = next(iter(self._calls.items()))
            if calls and calls[-1] > now - self._length_s:
                return
            self.drop(key)

    def drop(self, key: str) -> None:
        """Forget one key."""
        calls = self._calls.pop(key, None)
        if calls is not None:
            self._bytes -= _BYTES_PER_KEY + len(calls) * _BYTES_PER_CALL
