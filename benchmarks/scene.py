"""What most loads begin with: everything running, and a cat that answers at once, to be talked to without a limit."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.baselines.running import baseline
from benchmarks.figures import checkout, restarted, running
from benchmarks.homes import Home, settle
from benchmarks.load import Call
from cathouse.local.stack import Stack

_UNLIMITED = {"LIMIT_INTERACTIONS": "off"}


@dataclass(frozen=True, slots=True)
class Scene:
    """``proxy`` and ``cat`` are URLs; this proxy-service lets an installation talk as often as it likes."""

    folder: Path
    stack: Stack
    proxy: str
    cat: str

    def settle(self, *, players: int, cats: int, catalog: int) -> list[Home]:
        """Players at whose homes this cat is, under the names of ``cats`` in a catalog of so many."""
        return settle(self.folder, self.stack, f"{self.cat}/", players=players, cats=cats, catalog=catalog)


@contextmanager
def scene(cat: str = "quick_cat") -> Iterator[Scene]:
    """Until the block is left; ``cat`` is one of the baselines."""
    with (
        checkout() as folder,
        running(folder) as stack,
        restarted(folder, stack, "proxy", _UNLIMITED) as proxy,
        baseline(cat, folder, {}) as cat_url,
    ):
        yield Scene(folder, stack, proxy, cat_url)


def talk(home: Home) -> Call:
    """A player's word to the cat at home."""
    path = f"/api/v1/installations/{home.installation_id}/interactions"
    return Call("POST", path, home.access_token, '{"input":"Hello, Misty!"}')


@contextmanager
def meanwhile(look: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Look again and again, in a thread, until the block is left."""
    is_over = threading.Event()

    def look_on() -> None:
        while not is_over.wait(every_s):
            look()

    thread = threading.Thread(target=look_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
