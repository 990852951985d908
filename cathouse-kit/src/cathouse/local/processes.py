"""Starting, watching and ending the processes of a stack."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from cathouse.tls import client_tls

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 4.5

_FAREWELL = "Application startup failed. Exiting."


class ProcessError(Exception):
    """A process did not start; the message is one line with the reason that it gave itself."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process of ours: what it is called, where it answers, where it writes."""

    name: str
    ready_url: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def created(self) -> float:
        """When it was made; with its id this names a process beyond doubt."""
        return psutil.Process(self.process.pid).create_time()

    @property
    def ending(self) -> str:
        """How it ended, as its parent is told: by a signal or with a status."""
        status = self.process.wait()
        return signal.Signals(-status).name if status < 0 else f"status {status}"

    def last_line(self) -> str:
        """What it said last; the server's own farewell says nothing of the reason, which stands before it."""
        lines = [line for line in self.log.read_text(errors="replace").strip().splitlines() if _FAREWELL not in line]
        return lines[-1] if lines else "it said nothing"


def start(name: str, arguments: Sequence[str], environment: Mapping[str, str], *, ready_url: str, log: Path) -> Child:
    """Start ``python ARGUMENTS`` with nothing but ``environment``, in a folder without a .env file."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            (sys.executable, *arguments),
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we end our children ourselves, in order
        )
    return Child(name, ready_url, log, process)


def wait_until_ready(children: Sequence[Child]) -> None:
    """Return when every child answers its ``ready_url``.

    Raises:
        ProcessError: when one ended, or is not ready in time.
    """
    deadline = time.monotonic() + READY_TIMEOUT_S
    waiting = list(children)
    with httpx.Client(timeout=1.0, trust_env=False, verify=client_tls()) as http:
        while waiting:
            waiting = [child for child in waiting if not _is_ready(child, http)]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(child.name for child in waiting)
                raise ProcessError(f"{names} did not get ready within {READY_TIMEOUT_S:g} s: {waiting[0].last_line()}")
            time.sleep(0.03)


def first_ended(children: Sequence[Child]) -> Child | None:
    """A child that has ended, or None."""
    return next((child for child in children if child.process.poll() is not None), None)


def stop(children: Sequence[Child]) -> None:
    """Ask all of them to end, and end those that do not."""
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for child in children:
        try:
            child.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def end_leftovers(processes: Mapping[int, float]) -> int:
    """End what a killed run left behind, and return how many there were; an id that was reused is left alone."""
    found = []
    for pid, created in processes.items():
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1:
                process.send_signal(signal.SIGTERM)
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(found, timeout=STOP_TIMEOUT_S)
    for process in alive:
        process.kill()
    return len(found)


def plain_environment() -> dict[str, str]:
    """What a child needs of our own environment: where programs are, and the language; no variable of Cat House's."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "SSL_CERT_FILE", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


def _is_ready(child: Child, http: httpx.Client) -> bool:
    if child.process.poll() is not None:
        raise ProcessError(f"{child.name} ended: {child.last_line()}")
    try:
        return http.get(child.ready_url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
