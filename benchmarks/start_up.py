"""P7: how long a warm `make up` takes until all services are ready, and what each service holds in memory then."""

import statistics
import time

import psutil

from benchmarks.figures import Figure, checkout, running

ROUNDS = 5
MB = 1_000_000


def measure() -> list[Figure]:
    """One cold start that is not counted, then warm ones."""
    seconds: list[float] = []
    memory: dict[str, list[float]] = {}
    with checkout() as folder:
        for number in range(ROUNDS + 1):
            started = time.monotonic()
            with running(folder) as stack:
                if number > 0:
                    seconds.append(time.monotonic() - started)
                for child in stack.children[:4]:
                    resident = psutil.Process(child.process.pid).memory_info().rss / MB
                    memory.setdefault(child.name, []).append(resident)
    return [
        Figure("P7", "warm start until ready", statistics.median(seconds), "s", "≤ 6"),
        *(Figure("P7", f"memory of {name}", statistics.median(each), "MB", "≤ 110") for name, each in memory.items()),
    ]
