"""Run the benchmarks and keep their figures."""

import datetime as dt
import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import catalog_lists, interactions, log_ins, login_timing, one_cat, start_up, whole_house
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
    "S1": login_timing.measure,
}


def main() -> None:
    """Measure what was asked for, or everything; then the chart for the documents is drawn as well."""
    chosen = [name.upper() for name in sys.argv[1:]] or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]}: expected {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    for name in chosen:
        print(f"{name} …", flush=True)
        figures += BENCHMARKS[name]()
    width = max(len(figure.what) for figure in figures)
    print()
    for figure in figures:
        print(figure.row(width))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    now = dt.datetime.now(dt.UTC)
    document = {
        "at": now.isoformat(timespec="seconds"),
        "machine": machine,
        "figures": [figure.document() for figure in figures],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if set(chosen) == set(BENCHMARKS):
        CHART.write_text(chart(figures, caption=f"{now:%Y-%m-%d}: {machine}"), encoding="utf-8")


if __name__ == "__main__":
    main()
