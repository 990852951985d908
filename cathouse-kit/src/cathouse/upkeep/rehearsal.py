"""Migrating without fear: the whole way up, down and up again on a copy, and only what was rehearsed on the real one.

A rehearsal leaves a record. ``promote`` compares it with what it finds: the same revisions with the same contents, from
the same structure; and afterwards whether the structure is the one that the rehearsal ended with.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alembic import command
from alembic.util import CommandError
from pydantic import TypeAdapter, ValidationError

from cathouse.configuration import ConfigurationError
from cathouse.database.urls import DatabaseUrl
from cathouse.schema.ownership import VERSION_TABLE
from cathouse.upkeep.copies import Copies, copy_name
from cathouse.upkeep.direct import connect
from cathouse.upkeep.migrations import alembic_config, downgrade, upgrade
from cathouse.upkeep.models import structure_of_models
from cathouse.upkeep.revisions import Route, current_revision, lint, revision_of, route, sql_of
from cathouse.upkeep.structure import Difference, Structure, differences, fingerprint, read_structure

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Record:
    """What was rehearsed, so that nothing else is promoted."""

    start: str
    target: str
    digest: str
    structure_before: str
    structure_after: str

    def write(self, path: Path) -> None:
        """Keep it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_RECORD.dump_json(self, indent=2) + b"\n")

    @classmethod
    def read(cls, path: Path) -> "Record":
        """The record of the last rehearsal.

        Raises:
            ConfigurationError: when there is none that can be read.
        """
        try:
            return _RECORD.validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ConfigurationError(f"nothing was rehearsed yet ({path} is not there): cathouse db rehearse") from None
        except (OSError, ValidationError):
            raise ConfigurationError(f"{path} is no record of a rehearsal: cathouse db rehearse writes one") from None


_RECORD = TypeAdapter(Record)


@dataclass
class Rehearsal:
    """How it went."""

    route: Route
    changes: list[Difference] = field(default_factory=list)
    """What the database gains and loses."""
    faults: list[str] = field(default_factory=list)
    """Why it may not be promoted."""
    seconds: dict[str, float] = field(default_factory=dict)
    record: Record | None = None


class Rehearser:
    """Runs the migrations of a database on a copy of it."""

    def __init__(self, copies: Copies, *, ini: Path | None = None, tell: Tell = lambda _: None) -> None:
        """``tell`` hears each step as it is taken."""
        self._copies = copies
        self._ini = ini
        self._tell = tell

    def rehearse(self) -> Rehearsal:
        """Copy, upgrade, downgrade, upgrade, compare with the models, lint, drop the copy.

        When nothing is pending, the last revision is rehearsed backwards: down first, and up again.

        Raises:
            ConfigurationError: when the copy cannot be made, a revision fails, or the database is newer than this code.
        """
        seconds: dict[str, float] = {}
        with ExitStack() as stack:
            with self._timed("copy", seconds):
                url = stack.enter_context(self._copies.copy(copy_name()))
            rehearsal = self._on_copy(url, seconds)
            with self._timed("drop the copy", seconds):
                stack.close()
        return rehearsal

    def _on_copy(self, url: DatabaseUrl, seconds: dict[str, float]) -> Rehearsal:
        way = route(revision_of(url), ini=self._ini)
        if not way.revisions:
            with self._timed("nothing is pending: the last revision down", seconds):
                _run(lambda: downgrade(url, "-1", ini=self._ini), "downgrade")
            way = route(revision_of(url), ini=self._ini)
        rehearsal = Rehearsal(way, seconds=seconds)
        before = _look(url)
        with self._timed(f"upgrade {way}", seconds):
            _run(lambda: upgrade(url, way.target, ini=self._ini), "upgrade")
        after = _look(url)
        rehearsal.changes = differences(before, after)
        with self._timed(f"downgrade to {way.start}", seconds):
            _run(lambda: downgrade(url, way.start, ini=self._ini), "downgrade")
        rehearsal.faults += _faults("the downgrade does not lead back", _left(before), _left(_look(url)))
        with self._timed("upgrade again", seconds):
            _run(lambda: upgrade(url, way.target, ini=self._ini), "second upgrade")
        rehearsal.faults += _faults("the second upgrade leads elsewhere", after, _look(url))
        with self._timed("compare with the models", seconds):
            rehearsal.faults += self._drift(url, after)
        with self._timed("lint", seconds):
            rehearsal.faults += self._lint(way)
        if not rehearsal.faults:
            rehearsal.record = Record(way.start, way.target, way.digest, fingerprint(before), fingerprint(after))
        return rehearsal

    def _drift(self, url: DatabaseUrl, migrated: Structure) -> list[str]:
        faults = []
        try:
            command.check(alembic_config(url, ini=self._ini))
        except CommandError as error:
            faults.append(f"drift, says Alembic: {error}")
        with connect(url) as connection:
            modelled = structure_of_models(connection)
        return faults + _faults("drift: the models say something else", modelled, migrated)

    def _lint(self, way: Route) -> list[str]:
        faults: list[str] = []
        start = way.start
        for revision in way.revisions:
            found = lint(sql_of(start, revision, ini=self._ini), ini=self._ini)
            if found is None:
                self._tell("not linted: squawk is not installed (pip install squawk-cli)")
                return []
            faults += [f"lint of {revision}: {line}" for line in found]
            start = revision
        return faults

    @contextmanager
    def _timed(self, step: str, seconds: dict[str, float]) -> Iterator[None]:
        started = time.monotonic()
        yield
        seconds[step] = time.monotonic() - started
        self._tell(f"{step}: {seconds[step]:.2f} s")


def promote(url: DatabaseUrl, record: Record, *, ini: Path | None = None) -> list[Difference]:
    """Upgrade the database of ``url`` as it was rehearsed, and return in what it ended up different from that.

    Raises:
        ConfigurationError: when something else was rehearsed; nothing is changed then.
    """
    with connect(url) as connection:
        here = current_revision(connection)
        structure = read_structure(connection)
    if here == record.target:
        raise ConfigurationError(f"the database is at {here} already: there is nothing to promote")
    way = route(here, record.target, ini=ini)
    again = "; rehearse again: cathouse db rehearse"
    if way.start != record.start:
        raise ConfigurationError(f"{record.start} → {record.target} was rehearsed, the database is at {here}{again}")
    if way.digest != record.digest:
        raise ConfigurationError(f"the revisions {way} have changed since they were rehearsed{again}")
    if fingerprint(structure) != record.structure_before:
        raise ConfigurationError(f"the database has another structure than the one that was rehearsed{again}")
    upgrade(url, record.target, ini=ini)
    after = _look(url)
    if fingerprint(after) == record.structure_after:
        return []
    return differences(structure, after)


def _run(step: Callable[[], None], what: str) -> None:
    try:
        step()
    except ConfigurationError as error:
        raise ConfigurationError(f"on the copy the {what} fails: {error} (your database is as it was)") from error


def _look(url: DatabaseUrl) -> Structure:
    with connect(url) as connection:
        return read_structure(connection)


def _left(structure: Structure) -> Structure:
    """Without what the first upgrade of an empty database makes for itself and no downgrade removes."""
    return {
        kind: {name: text for name, text in things.items() if not name.startswith(VERSION_TABLE)}
        for kind, things in structure.items()
        if kind != "schema grants"
    } | {"schema grants": {}}


def _faults(what: str, expected: Structure, found: Structure) -> list[str]:
    return [f"{what}: {difference}" for difference in differences(expected, found)]
