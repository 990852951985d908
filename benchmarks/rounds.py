"""Comparing in one run: every side in every round, in shuffled order, and ratios within a round."""

import random
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.load import Load

Side = Callable[[float], Load]
"""Puts load on one side for so many seconds."""

WARM_UP_S = 1.0

PAUSE_S = 0.5
"""What a side still does behind its answers is not to weigh upon the next one."""


def compare(sides: Mapping[str, Side], *, rounds: int, seconds: float) -> dict[str, list[Load]]:
    """The loads of each side, a round each; a first one that is short is not counted."""
    loads: dict[str, list[Load]] = {name: [] for name in sides}
    chance = random.Random(rounds)
    for number in range(rounds + 1):
        for name in chance.sample(list(sides), len(sides)):
            load = sides[name](WARM_UP_S if number == 0 else seconds).faultless(name)
            if number > 0:
                loads[name].append(load)
            time.sleep(PAUSE_S)
    return loads


def ratios(loads: Sequence[Load], others: Sequence[Load], measure: Callable[[Load], float]) -> list[float]:
    """One side's measure by another's, a round each."""
    return [measure(one) / measure(other) for one, other in zip(loads, others, strict=True)]
