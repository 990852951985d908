"""What is true of installations whatever happens, looked up straight in the database."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, func, select, true

from cathouse.schema import (
    Cat,
    Installation,
    InstallationPermission,
    InstallationStatus,
    LifecycleEvent,
    Release,
    ReleasePermission,
    StoredValue,
    effective_release,
)
from installation_service.storage.service import MOST_KEYS

NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)

ENDS = {"paused": "resumed", "suspended": "reinstated"}
"""What a cat is told of, and what ends it."""


class Invariants:
    """Looks at the database again and again; knows what it saw before."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._generations: dict[uuid.UUID, int] = {}

    def check(self) -> None:
        """Make sure of all of them, at one moment."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            assert _without_what_they_require(connection) == []
            assert _over_quota(connection) == []
            assert _names_taken_twice(connection) == []
            self._check_generations(connection)
            stories = _stories(connection)
            for installation in connection.execute(select(Installation.id, Installation.status)):
                _check_story(stories.get(installation.id, []), status=installation.status)

    def _check_generations(self, connection: Connection) -> None:
        now = {row.id: row.grant_generation for row in connection.execute(select(Installation.__table__))}
        assert all(now[each] >= before for each, before in self._generations.items())
        self._generations = now


def _without_what_they_require(connection: Connection) -> Sequence[uuid.UUID]:
    """Active installations whose release, the one they run, requires what is not granted."""
    effective = effective_release(Release.id)
    granted = (
        select(InstallationPermission.permission_id)
        .where(
            InstallationPermission.installation_id == Installation.id,
            InstallationPermission.permission_id == ReleasePermission.permission_id,
            InstallationPermission.granted,
        )
        .exists()
    )
    query = (
        select(Installation.id)
        .join(Cat, Cat.id == Installation.cat_id)
        .join(effective, true())
        .join(ReleasePermission, ReleasePermission.release_id == effective.c.id)
        .where(Installation.status == InstallationStatus.ACTIVE, ReleasePermission.required, ~granted)
    )
    return connection.scalars(query).all()


def _over_quota(connection: Connection) -> Sequence[uuid.UUID]:
    query = select(StoredValue.installation_id).group_by(StoredValue.installation_id)
    return connection.scalars(query.having(func.count() > MOST_KEYS)).all()


def _names_taken_twice(connection: Connection) -> Sequence[str]:
    query = (
        select(Installation.instance_name)
        .where(Installation.status != InstallationStatus.UNINSTALLED)
        .group_by(Installation.user_id, Installation.cat_id, Installation.instance_name)
        .having(func.count() > 1)
    )
    return connection.scalars(query).all()


def _stories(connection: Connection) -> dict[uuid.UUID, list[str]]:
    """What the cat of each installation is told, or was told, in its order."""
    columns = (LifecycleEvent.installation_id, LifecycleEvent.event, LifecycleEvent.created_at)
    stories: dict[uuid.UUID, list[str]] = {}
    latest: dict[uuid.UUID, dt.datetime] = {}
    for row in connection.execute(select(*columns).order_by(LifecycleEvent.sequence)):
        assert row.created_at > latest.get(row.installation_id, NEVER)
        latest[row.installation_id] = row.created_at
        stories.setdefault(row.installation_id, []).append(row.event.removeprefix("installation."))
    return stories


def _check_story(story: list[str], *, status: str) -> None:
    """What a cat is told must be able to happen in this order, and lead to where the installation is."""
    assert story[:1] == ["created"], story
    assert "created" not in story[1:], story
    assert "uninstalled" not in story[:-1], story
    for begin, end in ENDS.items():
        turns = [each for each in story if each in (begin, end)]
        assert turns == ([begin, end] * len(turns))[: len(turns)], story
    is_paused = story.count("paused") > story.count("resumed")
    expected = "uninstalled" if story[-1] == "uninstalled" else "paused" if is_paused else "active"
    assert status == expected, story
