"""One measured figure, and the stack that most benchmarks run against."""

import random
import socket
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.processes import start, stop, wait_until_ready
from cathouse.local.settings import StackSettings, service_environment
from cathouse.local.stack import Stack, run_stack
from cathouse.local.state import LocalState
from cathouse.web import SERVICES, ServiceName

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """``bar`` is what design/performance.md wants of it; ``low`` and ``high`` are the least and the most of a round."""

    id: str
    what: str
    value: float
    unit: str
    bar: str = ""
    low: float | None = None
    high: float | None = None

    @classmethod
    def of_rounds(cls, name: str, what: str, values: Sequence[float], unit: str, bar: str = "") -> "Figure":
        """The median of the rounds, with their spread."""
        return cls(name, what, statistics.median(values), unit, bar, min(values), max(values))

    def row(self, width: int) -> str:
        """For the table; ``width`` is that of the column ``what``."""
        spread = "" if self.low is None or self.high is None else f"{_short(self.low)} to {_short(self.high)}"
        return f"{self.id:<3} {self.what:<{width}}  {_short(self.value):>9} {self.unit:<4} {spread:<20} {self.bar}"

    def document(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"


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


@contextmanager
def restarted(folder: Path, stack: Stack, service: ServiceName, variables: Mapping[str, str]) -> Iterator[str]:
    """One of the stack's services anew on its port, with ``variables`` beside its own; its URL."""
    stop([child for child in stack.children if child.name == f"{service}-service"])
    url = stack.urls[service]
    ports = {f"{name}_port": int(stack.urls[name].rsplit(":", 1)[1]) for name in SERVICES}
    state = LocalState(folder)
    settings: dict[str, Any] = {"_env_file": None, **ports}
    environment = service_environment(
        service,
        StackSettings(**settings),
        stack.databases.services[service],
        jwt_secret=state.secret("JWT_SECRET"),
        platform_secret=state.secret("PLATFORM_SECRET"),
        mails=state.mails,
    )
    child = start(
        f"{service}-service",
        ("-m", f"{service}_service"),
        {**environment, **variables},
        ready_url=f"{url}/health/ready",
        log=state.logs / f"{service}-again.log",
    )
    try:
        wait_until_ready([child])
        yield url
    finally:
        stop([child])


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    return next(port for port in random.sample(range(12_000, 20_000), 200) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
