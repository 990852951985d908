"""What `make up` runs, with ports and a folder of a test's own."""

import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.journey import Journey
from cathouse.local.settings import StackSettings
from cathouse.local.stack import Stack
from cathouse.web import SERVICES
from tests.fixtures.ports import free_port

ROOT = Path(__file__).parents[2]


def free_ports() -> dict[str, int]:
    """A free port for each variable that names one."""
    return {name: free_port() for name in [*(f"{service}_port" for service in SERVICES), "demo_cat_port"]}


def settings(**changes: Any) -> StackSettings:
    values: dict[str, Any] = {"_env_file": None, **free_ports(), **changes}
    return StackSettings(**values)


class Watcher(threading.Thread):
    """Counts the services' connections in pg_stat_activity as often as it can."""

    def __init__(self, url: DatabaseUrl) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.seen: dict[str, int] = {}
        self._stopped = threading.Event()
        self._engine = make_migration_engine(url)

    def run(self) -> None:
        query = text(
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE application_name LIKE 'cathouse-%' AND application_name <> 'cathouse-migrate'"
            " AND datname = current_database() GROUP BY 1"
        )
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not self._stopped.is_set():
                counts = {row[0]: row[1] for row in connection.execute(query)}
                self.most = max(self.most, sum(counts.values()))
                for name, count in counts.items():
                    self.seen[name] = max(self.seen.get(name, 0), count)
                time.sleep(0.01)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def walk(stack: Stack) -> list[str]:
    steps: list[str] = []
    Journey(stack.urls, steps.append).walk()
    return steps
