"""Counts that a process keeps for itself: in memory that stays small, whoever calls."""

import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence

from limits.aio.storage import MemoryStorage

LARGEST_MEMORY = 32 * 1024 * 1024
"""Bytes that the calls of all keys may take, for each length of window: some 100,000 addresses with a call each."""

_BYTES_PER_KEY = 280
"""A key of some 60 characters, its place in the dictionary, an array: measured with tracemalloc on CPython 3.11."""

_BYTES_PER_CALL = 8


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
