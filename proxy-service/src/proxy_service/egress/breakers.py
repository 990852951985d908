"""Circuit breakers: a cat that fails is left alone for a while, so that nobody waits for it in vain.

Each process has its own; what one has learnt the others learn as quickly.
"""

import math
import time
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Self

from cathouse.web import Reading
from proxy_service.egress.errors import BreakerOpenError, EgressError

FAILURES_IN_A_ROW = 5
WINDOW_S = 30.0
FEWEST_IN_WINDOW = 20
"""That many calls within the window, half of them failures, open a breaker as well."""

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 300.0
"""All numbers: design/security.md, "The door to the outside"."""

MOST_CATS = 10_000
"""Cats that are remembered; those that were quiet longest are forgotten first."""

_SLICES = 10


class BreakerState(StrEnum):
    """What a call meets: it is let through, refused, or, when nobody else is, the probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breakers:
    """One breaker a cat: closed, open for a while, then open to a single probe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds that only go forward."""
        self._clock = clock
        self._cats: OrderedDict[uuid.UUID, _Breaker] = OrderedDict()

    def passage(self, cat_id: uuid.UUID) -> "Passage":
        """Let a call through; within the block it is said how the call went. Nothing said: nothing was learnt.

        Raises:
            BreakerOpenError: with the time after which to try again.
        """
        breaker = self._cats.get(cat_id)
        if breaker is None:
            breaker = self._cats[cat_id] = _Breaker()
            if len(self._cats) > MOST_CATS:
                self._cats.popitem(last=False)
        self._cats.move_to_end(cat_id)
        return Passage(breaker, self._clock, is_probe=breaker.admit(self._clock()))

    def count(self) -> dict[BreakerState, int]:
        """How many breakers are in each state at this moment."""
        now = self._clock()
        states = Counter(breaker.state(now) for breaker in self._cats.values())
        return {state: states[state] for state in BreakerState}

    def _count_in(self, state: BreakerState) -> int:
        return self.count()[state]

    def readings(self) -> Sequence[Reading]:
        """What Prometheus is shown."""
        text = "Cats whose breaker is closed, open (they are left alone) or half-open (the next call is a probe)."
        return [
            Reading("cathouse_breakers", text, partial(self._count_in, state), {"state": state})
            for state in BreakerState
        ]


class Passage:
    """One call that was let through."""

    def __init__(self, breaker: "_Breaker", clock: Callable[[], float], *, is_probe: bool) -> None:
        self._breaker = breaker
        self._clock = clock
        self._is_probe = is_probe
        self._openings = breaker.openings

    def __enter__(self) -> Self:
        """It is under way already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def succeeded(self) -> None:
        """The cat answered."""
        self._note(has_failed=False)

    def failed(self, error: EgressError) -> None:
        """The cat gave no usable answer. What it says to the caller's face (its 4xx) does not count as failing."""
        self._note(has_failed=error.received_status is None or not 400 <= error.received_status < 500)

    def end(self) -> None:
        """The call is over. A probe that says nothing, since its caller went away, leaves the next one to be it."""
        if self._is_probe:
            self._is_probe = False
            self._breaker.is_probed = False

    def _note(self, *, has_failed: bool) -> None:
        is_probe, self._is_probe = self._is_probe, False
        # A call from before the breaker opened says nothing new, however late it ends.
        if self._openings == self._breaker.openings:
            self._breaker.note(self._clock(), has_failed=has_failed, is_probe=is_probe)


class _Breaker:
    def __init__(self) -> None:
        self._in_a_row = 0
        self._slices: deque[list[float]] = deque()  # [its beginning, calls, failures], each a tenth of the window
        self._open_until: float | None = None
        self._pause = FIRST_PAUSE_S
        self.is_probed = False
        self.openings = 0

    def state(self, now: float) -> BreakerState:
        """What a call would meet."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._open_until else BreakerState.HALF_OPEN

    def admit(self, now: float) -> bool:
        """Let a call through and return whether it is the probe, or say when to come again."""
        if self._open_until is None:
            return False
        if now < self._open_until:
            raise BreakerOpenError(math.ceil(self._open_until - now))
        if self.is_probed:
            raise BreakerOpenError(1)
        self.is_probed = True
        return True

    def note(self, now: float, *, has_failed: bool, is_probe: bool) -> None:
        """Take in how a call went."""
        if is_probe:
            self._conclude(now, has_failed=has_failed)
            return
        self._in_a_row = self._in_a_row + 1 if has_failed else 0
        calls, failures = self._count(now, has_failed=has_failed)
        if self._in_a_row >= FAILURES_IN_A_ROW or (calls >= FEWEST_IN_WINDOW and failures * 2 >= calls):
            self._open_until = now + self._pause
            self.openings += 1

    def _conclude(self, now: float, *, has_failed: bool) -> None:
        self.is_probed = False
        if has_failed:
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
            self._open_until = now + self._pause
            return
        self._open_until = None
        self._pause = FIRST_PAUSE_S
        self._in_a_row = 0
        self._slices.clear()

    def _count(self, now: float, *, has_failed: bool) -> tuple[float, float]:
        if not self._slices or now >= self._slices[-1][0] + WINDOW_S / _SLICES:
            self._slices.append([now, 0, 0])
        while self._slices[0][0] <= now - WINDOW_S:
            self._slices.popleft()
        self._slices[-1][1] += 1
        self._slices[-1][2] += has_failed
        return sum(each[1] for each in self._slices), sum(each[2] for each in self._slices)
