"""What a checkout keeps between two runs: its secrets, its ports, the processes that it started."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.local.postgres_programs import postgres_folder
from cathouse.private_files import write_private
from cathouse.upkeep.migrations import find_alembic_ini


def find_checkout() -> Path:
    """The root of the checkout that the working directory is in.

    Raises:
        ConfigurationError: when it is in none.
    """
    return find_alembic_ini().parent.parent


class LocalState:
    """The folder ``.cathouse`` of a checkout."""

    def __init__(self, checkout: Path) -> None:
        """The folder is made when something is first kept."""
        self.folder = checkout / ".cathouse"

    @property
    def logs(self) -> Path:
        """Where the services write."""
        folder = self.folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def mails(self) -> Path:
        """Where auth-service writes mails to, while no mail server is set."""
        return self.folder / "mails"

    @property
    def postgres(self) -> Path:
        """Where the embedded Postgres keeps its data.

        Its name is made up with the secrets that belong to it: another checkout at the same path begins anew.
        """
        return postgres_folder(self.folder, f"{self.folder.parent.name}-{self.secret('FOLDER')[:12]}")

    def secret(self, name: str) -> str:
        """A secret that was made up once for this checkout."""
        kept = self._read("secrets.json")
        if name not in kept:
            kept[name] = secrets.token_urlsafe(36)
            self._write("secrets.json", kept)
        return str(kept[name])

    def number(self, name: str) -> int:
        """A number kept by :meth:`keep_number`, or 0."""
        return int(self._read("numbers.json").get(name, 0))

    def keep_number(self, name: str, value: int) -> None:
        """Keep a number, a port for example."""
        self._write("numbers.json", {**self._read("numbers.json"), name: value})

    def processes(self) -> dict[int, float]:
        """The processes that were started and not reported as ended: id and time of creation."""
        return {int(pid): float(created) for pid, created in self._read("processes.json").items()}

    def keep_processes(self, processes: dict[int, float]) -> None:
        """Keep which processes there are, so that the next run finds what a killed one left."""
        self._write("processes.json", {str(pid): created for pid, created in processes.items()})

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            kept = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path} cannot be read ({error}); `make clean` removes the local state") from None
        return dict(kept)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / name, json.dumps(content, indent=2))

    @property
    def database_file(self) -> Path:
        """Where commands find the embedded database: variables for a shell, readable for its owner alone."""
        return self.folder / "database.env"

    def keeps_database_url(self, url: SecretStr | None) -> bool:
        """Whether ``url`` is the one in :attr:`database_file`: from a shell that read the file, and nobody's own."""
        if url is None or not self.database_file.exists():
            return False
        return f"DATABASE_URL={url.get_secret_value()}" in self.database_file.read_text(encoding="utf-8").splitlines()

    def keep_database_url(self, url: DatabaseUrl) -> None:
        """Write the variables that `cathouse db` and `alembic` need."""
        text = url.for_libpq()
        write_private(self.database_file, f"MIGRATION_DATABASE_URL={text}\nDATABASE_URL={text}\n")
