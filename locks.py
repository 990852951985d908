"""``make lock``: resolve every dependency and write the locks.

requirements-test.txt is everything that development needs; each service's requirements.txt is what its image needs.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent
SERVICES = ("auth", "catalog", "installation", "proxy")
OWN = {**{service: f"{service}-service" for service in SERVICES}, "kit": "cathouse-kit"}
OLDEST_PYTHON = "3.11"

_COMMON = (
    "--quiet",
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--python-version",
    OLDEST_PYTHON,
    "--custom-compile-command",
    "make lock",
    *(word for name in (*SERVICES, "kit") for word in ("--no-emit-package", OWN[name])),
)


def compile_lock(target: Path, source: str, *, constraint: str | None = None) -> None:
    """Write one lock."""
    held = ("--constraint", constraint) if constraint else ()
    command = [sys.executable, "-m", "uv", "pip", "compile", *_COMMON, *held, source, "-o", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - fixed words


def main() -> None:
    """Write all locks, in an order in which nothing depends on a later one."""
    compile_lock(ROOT / "requirements-test.txt", "requirements-test.in")
    for service in SERVICES:
        folder = f"{service}-service"
        compile_lock(ROOT / folder / "requirements.txt", f"{folder}/pyproject.toml", constraint="requirements-test.txt")


if __name__ == "__main__":
    main()
