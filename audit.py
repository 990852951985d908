"""``make audit``: known vulnerabilities in what the locks name, by pip-audit from OSV's database.

Where no such database can be reached it says so and succeeds: a machine without the internet is no vulnerability.
Anything found fails. OSV_URL names another server that speaks as https://api.osv.dev does.
"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent
LOCKS = (
    *(
        ROOT / folder / "requirements.txt"
        for folder in (f"{name}-service" for name in ("auth", "catalog", "installation", "proxy"))
    ),
    ROOT / "cathouse-kit" / "requirements.txt",
    ROOT / "requirements-test.txt",
    ROOT / "requirements-tools.txt",
)
OSV_URL = "https://api.osv.dev/v1/query"
SKIPPED = "skipped: no vulnerability service can be reached"
TIMEOUT_S = 15


def answers(url: str) -> bool:
    """Whether a vulnerability service is there: a proxy's or a portal's own page does not count."""
    question = json.dumps({"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.3"}).encode()
    request = urllib.request.Request(url, question, {"Content-Type": "application/json"})  # noqa: S310 - our own URL
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return isinstance(json.load(answer), dict)
    except (OSError, ValueError):
        return False


def main(locks: tuple[Path, ...]) -> int:
    """Audit the locks, and return the exit status."""
    url = os.environ.get("OSV_URL") or OSV_URL
    if not answers(url):
        print(f"{SKIPPED} ({url})")
        return 0
    program = Path(sys.executable).with_name("pip-audit")
    files = [word for lock in locks for word in ("-r", str(lock))]
    options = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "-s", "osv", "--osv-url", url)
    return subprocess.run((program, *options, *files), check=False).returncode  # noqa: S603 - fixed words and our files


if __name__ == "__main__":
    sys.exit(main(tuple(Path(name) for name in sys.argv[1:]) or LOCKS))
