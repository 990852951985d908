"""Run the benchmarks and keep their figures."""

import datetime as dt
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import (
    catalog_lists,
    interactions,
    kept_data,
    log_ins,
    login_timing,
    memory,
    one_cat,
    saturation,
    start_up,
    whole_house,
)
from benchmarks.chart import chart
from benchmarks.figures import ROOT, Figure

RESULTS = Path(__file__).parent / "results" / "latest.json"
CHART = ROOT / "docs" / "performance.svg"

BENCHMARKS = {
    "P1": one_cat.measure,
    "P2": catalog_lists.measure,
    "P3": interactions.measure,
    "P4": log_ins.measure,
    "P6": whole_house.measure,
    "P7": start_up.measure,
    "L1": saturation.measure,
    "L2": memory.measure,
    "L3": kept_data.measure,
    "S1": login_timing.measure,
}


LONG = "S1"
"""It asks for hundreds of log-ins one after the other, for as long as all others together: only when it is named."""


def main() -> None:
    """Measure what was asked for, or everything; what was not measured stays in the results and the chart as it was."""
    chosen = [name.upper() for name in sys.argv[1:]] or [name for name in BENCHMARKS if name != LONG]
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]}: expected {', '.join(BENCHMARKS)}")
    results = _read()
    for name in chosen:
        started = time.monotonic()
        print(f"{name} …", flush=True)
        figures = BENCHMARKS[name]()
        results[name] = {"at": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M}", "machine": _machine(), "figures": figures}
        width = max(len(figure.what) for figure in figures)
        for figure in figures:
            print(figure.row(width))
        print(f"{name} took {time.monotonic() - started:.0f} s\n", flush=True)
    _write({name: results[name] for name in BENCHMARKS if name in results})


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _read() -> dict[str, dict[str, Any]]:
    """The results so far, by benchmark."""
    if not RESULTS.exists():
        return {}
    results: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {
        name: {**each, "figures": [Figure(**figure) for figure in each["figures"]]} for name, each in results.items()
    }


def _write(results: dict[str, dict[str, Any]]) -> None:
    documents = {
        name: {**each, "figures": [figure.document() for figure in each["figures"]]} for name, each in results.items()
    }
    RESULTS.write_text(json.dumps(documents, indent=2) + "\n", encoding="utf-8")
    figures = [figure for each in results.values() for figure in each["figures"]]
    times = sorted(each["at"] for each in results.values())
    CHART.write_text(chart(figures, caption=f"{times[0]} to {times[-1]} UTC: {_machine()}"), encoding="utf-8")


if __name__ == "__main__":
    main()
