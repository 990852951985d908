"""Load by wrk: a client that takes so little of the machine that what is measured is the service."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_SCRIPT = Path(__file__).with_name("load.lua")
_LONGEST_CALL_S = 30


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is sent again and again; ``token`` is a bearer token, ``body`` JSON."""

    method: str
    path: str
    token: str = ""
    body: str = ""

    def line(self) -> str:
        """As load.lua reads it."""
        return f"{self.method}\t{self.path}\t{self.token}\t{self.body}\n"

    def answer(self, http: httpx.Client) -> httpx.Response:
        """What is answered to it once.

        Raises:
            RuntimeError: it was refused.
        """
        headers: Mapping[str, str] = {"Content-Type": "application/json"} if self.body else {}
        if self.token:
            headers = {**headers, "Authorization": f"Bearer {self.token}"}
        answer = http.request(self.method, self.path, content=self.body, headers=headers)
        if not answer.is_success:
            raise RuntimeError(f"{self.method} {self.path}: {answer.status_code} {answer.text}")
        return answer


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load. wrk counts a call that took long as often as others would have been sent meanwhile."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int

    def faultless(self, what: str) -> "Load":
        """Itself.

        Raises:
            RuntimeError: not every call succeeded, so that its figures say nothing.
        """
        if self.errors:
            raise RuntimeError(f"{what}: {self.errors} calls failed")
        return self


def wrk() -> str:
    """Where wrk is.

    Raises:
        SystemExit: nowhere.
    """
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("this benchmark needs wrk: `make bench-tools` installs it (Debian), as root")
    return found


def press(url: str, calls: Sequence[Call], *, connections: int, seconds: float) -> Load:
    """Send ``calls`` in turn, over and over, from as many clients as ``connections``."""
    with pressing(url, calls, connections=connections, seconds=seconds) as running:
        return read(running)


def press_all(loads: Mapping[str, Sequence[Call]], *, connections: int, seconds: float) -> list[Load]:
    """The same to several URLs at once, ``connections`` each."""
    first, *others = loads.items()
    with pressing(*first, connections=connections, seconds=seconds) as running:
        rest = press_all(dict(others), connections=connections, seconds=seconds) if others else []
        return [read(running), *rest]


@contextmanager
def pressing(url: str, calls: Sequence[Call], *, connections: int, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """wrk, under way."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as file:
        file.writelines(call.line() for call in calls)
        file.flush()
        options = ("-t1", f"-c{connections}", f"-d{seconds:g}s", f"--timeout={_LONGEST_CALL_S}s", "-s", str(_SCRIPT))
        with subprocess.Popen(  # noqa: S603 - a program of the machine, and words of ours
            (wrk(), *options, url, "--", file.name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield process
            finally:
                process.terminate()


def read(process: "subprocess.Popen[str]") -> Load:
    """What came of the load of :func:`pressing`, when it has ended."""
    output, _ = process.communicate()
    last = output.strip().splitlines()[-1] if output.strip() else ""
    if process.returncode or not last.startswith("{"):
        raise RuntimeError(f"wrk ended with {process.returncode}: {output.strip()}")
    found = json.loads(last)
    return Load(found["requests"] / found["seconds"], found["p50_ms"], found["p99_ms"], found["errors"])
