"""Run the benchmarks and keep their figures."""

import datetime as dt
import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import catalog_lists, log_ins, login_timing, start_up
from benchmarks.figures import Figure

RESULTS = Path(__file__).parent / "results" / "latest.json"

BENCHMARKS = {"P2": catalog_lists.measure, "P4": log_ins.measure, "P7": start_up.measure, "S1": login_timing.measure}


def main() -> None:
    """Measure what was asked for, or everything."""
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
        print(f"{figure.id}  {figure.what:<{width}}  {figure.value:>9.2f} {figure.unit:<6} {figure.bar}")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    document = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "figures": [figure.document() for figure in figures],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
