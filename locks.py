"""``make lock``: resolve every dependency and write the locks.

requirements-test.txt is everything that development needs; a package's requirements.txt is what its image needs (the
kit's is the demo cat's); requirements-tools.txt is programs that have an environment of their own.
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


def compile_lock(target: Path, source: str, *options: str) -> None:
    """Write one lock."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *_COMMON, *options, source, "-o", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - fixed words


def main() -> None:
    """Write all locks, in an order in which nothing depends on a later one."""
    compile_lock(ROOT / "requirements-tools.txt", "requirements-tools.in")
    compile_lock(ROOT / "requirements-test.txt", "requirements-test.in")
    kit = ("--extra", "local", "--constraint", "requirements-test.txt")
    compile_lock(ROOT / "cathouse-kit" / "requirements.txt", "cathouse-kit/pyproject.toml", *kit)
    for service in SERVICES:
        folder = f"{service}-service"
        # In the image, where one variable turns traces on; a process that has none loads nothing of it.
        constraint = ("--extra", "tracing", "--constraint", "requirements-test.txt")
        compile_lock(ROOT / folder / "requirements.txt", f"{folder}/pyproject.toml", *constraint)


if __name__ == "__main__":
    main()
