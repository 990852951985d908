"""One measured figure, and the stack that most benchmarks run against."""

import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.stack import Stack, StackSettings, run_stack
from cathouse.local.state import LocalState
from cathouse.web import SERVICES

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """``bar`` is what design/performance.md wants of it."""

    id: str
    what: str
    value: float
    unit: str
    bar: str = ""

    def document(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self)


@contextmanager
def checkout() -> Iterator[Path]:
    """A folder in which a stack keeps its state, removed afterwards with its database."""
    with tempfile.TemporaryDirectory(prefix="cathouse-bench-") as folder:
        root = Path(folder)
        (root / "auth-service").mkdir()
        for name in ("alembic.ini", "alembic"):
            (root / "auth-service" / name).symlink_to(ROOT / "auth-service" / name)
        yield root
        EmbeddedPostgres(LocalState(root).postgres, password="").remove()


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """The whole stack, as `make up` runs it, on free ports."""
    names = [*(f"{service}_port" for service in SERVICES), "demo_cat_port"]
    free = (port for port in random.sample(range(12_000, 20_000), 200) if _is_free(port))
    values: dict[str, Any] = {"_env_file": None, **dict(zip(names, free, strict=False))}
    with run_stack(folder, StackSettings(**values), lambda _: None) as stack:
        yield stack


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
