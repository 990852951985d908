"""What an installation runs and what is granted to it, by the rows alone."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import (
    Cat,
    CatStatus,
    Installation,
    InstallationPermission,
    InstallationStatus,
    LifecycleEvent,
    Permission,
    Release,
    ReleasePermission,
)
from installation_service.grants.repository import find_requested, note_change, set_grant
from installation_service.standing.repository import find_standing
from tests.factories.accounts import user
from tests.factories.cats import cat, release
from tests.factories.installations import installation

NOW = dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Rows:
    """A published cat that asks for storage and may ask for tasks, installed by a player and by its developer."""

    session: AsyncSession
    cat: Cat
    installed: Installation
    own: Installation
    permissions: Mapping[str, Permission]

    async def release(self, version: str, *kinds: str, epoch: int = 1, published: bool = True) -> Release:
        """A release that asks for ``kinds``, requiring the first."""
        made = release(self.cat.id, version=version, consent_epoch=epoch, published_at=NOW if published else None)
        self.session.add(made)
        await self.session.flush()
        for kind in kinds:
            asked = ReleasePermission(
                release_id=made.id,
                permission_id=self.permissions[kind].id,
                description="",
                required=kind == kinds[0],
            )
            self.session.add(asked)
        await self.session.flush()
        return made

    async def grant(self, kind: str, *, granted: bool = True, to: Installation | None = None) -> bool:
        home = to or self.installed
        return await set_grant(self.session, home.id, self.permissions[kind].id, granted=granted)

    async def change(self, row: Cat | Installation, **values: Any) -> None:
        await self.session.execute(update(type(row)).where(type(row).id == row.id).values(**values))

    async def is_locked(self) -> bool:
        """Whether a transaction, this one, holds the installation: an xmax is who locked or replaced the row."""
        query = text("SELECT xmax <> '0' FROM cathouse.installations WHERE id = :id")
        return bool(await self.session.scalar(query, {"id": self.installed.id}))

    async def standing(self, home: Installation | None = None) -> AnyRow:
        found = await find_standing(self.session, (home or self.installed).id)
        assert found is not None
        return found


@pytest.fixture
async def rows(db_session: AsyncSession) -> Rows:
    developer, player = user(role="developer"), user()
    db_session.add_all([developer, player])
    await db_session.flush()
    made = cat(developer.id, status=CatStatus.PUBLISHED.value)
    other = cat(developer.id, status=CatStatus.PUBLISHED.value)
    db_session.add_all([made, other])
    await db_session.flush()
    permissions = {
        kind: Permission(cat_id=made.id, permission_type=kind, description="") for kind in ("storage", "tasks")
    }
    homes = [installation(each.id, made.id) for each in (player, developer)]
    db_session.add_all([*permissions.values(), *homes])
    # Of another cat, and of another installation of this one: nothing of them is to be found here.
    db_session.add(release(other.id, version="9.0.0", published_at=NOW))
    await db_session.flush()
    return Rows(db_session, made, homes[0], homes[1], permissions)


async def test_an_installation_runs_the_highest_release_that_was_agreed_to(rows: Rows) -> None:
    assert (await rows.standing()).version is None
    await rows.release("1.9.0")
    await rows.release("1.10.0")
    await rows.release("1.2.0")
    await rows.release("2.0.0", epoch=2)
    await rows.release("3.0.0", published=False)
    assert (await rows.standing()).version == "1.10.0"
    await rows.change(rows.installed, consent_epoch=2)
    assert (await rows.standing()).version == "2.0.0"
    await rows.change(rows.installed, consent_epoch=3)
    assert (await rows.standing()).version == "2.0.0"
    assert (await rows.standing(rows.own)).version == "1.10.0"


async def test_what_is_being_written_runs_at_its_developers_while_the_cat_is_a_draft(rows: Rows) -> None:
    await rows.release("1.0.0", "storage")
    await rows.release("2.0.0", "tasks", epoch=3, published=False)
    await rows.release("3.0.0", "storage", epoch=2)  # published, and agreed to by nobody
    for status, own, asked in ((CatStatus.PUBLISHED, "1.0.0", "storage"), (CatStatus.DRAFT, "2.0.0", "tasks")):
        await rows.change(rows.cat, status=status.value)
        assert (await rows.standing(rows.own)).version == own
        assert await find_requested(rows.session, rows.own.id, asked) is not None
        assert (await rows.standing()).version == "1.0.0"
        assert await find_requested(rows.session, rows.installed.id, "tasks") is None


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        ("installed", {"status": InstallationStatus.PAUSED.value}),
        ("installed", {"status": InstallationStatus.UNINSTALLED.value, "uninstalled_at": NOW}),
        ("installed", {"developer_suspended_at": NOW, "developer_suspension_reason": "x"}),
        ("installed", {"operator_suspended_at": NOW, "operator_suspension_reason": "x"}),
        (
            "cat",
            {"status": CatStatus.SUSPENDED.value, "suspension_reason": "x", "status_before_suspension": "published"},
        ),
    ],
)
async def test_each_of_these_takes_an_installation_out_of_service(
    rows: Rows, row: str, changes: dict[str, Any]
) -> None:
    assert (await rows.standing()).is_active
    await rows.change(getattr(rows, row), **changes)
    assert not (await rows.standing()).is_active


async def test_a_cat_that_is_a_draft_is_in_service_where_it_is_installed(rows: Rows) -> None:
    await rows.change(rows.cat, status=CatStatus.DRAFT.value)
    assert (await rows.standing()).is_active


async def test_what_is_granted_is_what_the_player_allowed_and_the_release_asks_for(rows: Rows) -> None:
    await rows.release("1.0.0", "storage", "tasks")
    assert (await rows.standing()).granted == []
    await rows.grant("tasks", to=rows.own)
    assert (await rows.standing()).granted == []
    await rows.grant("storage")
    await rows.grant("tasks", granted=False)
    assert (await rows.standing()).granted == ["storage"]
    await rows.grant("tasks")
    assert sorted((await rows.standing()).granted) == ["storage", "tasks"]
    await rows.release("1.1.0", "tasks")
    assert (await rows.standing()).granted == ["tasks"]
    assert (await rows.standing()).user_id == rows.installed.user_id


async def test_nobody_stands_for_an_installation_that_is_not_there(rows: Rows) -> None:
    assert await find_standing(rows.session, rows.cat.id) is None


async def test_an_installation_is_held_for_a_change_and_for_nothing_else(rows: Rows) -> None:
    await rows.standing()
    assert not await rows.is_locked()
    assert await find_standing(rows.session, rows.installed.id, for_change=True) == await rows.standing()
    assert await rows.is_locked()


async def test_a_permission_is_found_as_the_release_that_runs_asks_for_it(rows: Rows) -> None:
    assert await find_requested(rows.session, rows.installed.id, "storage") is None
    await rows.release("1.0.0", "storage", "tasks")
    await rows.release("2.0.0", "tasks", epoch=2)
    await rows.change(rows.own, consent_epoch=2)
    found = [await find_requested(rows.session, rows.installed.id, kind) for kind in ("storage", "tasks")]
    assert [tuple(each) for each in found if each] == [
        (rows.permissions["storage"].id, True),
        (rows.permissions["tasks"].id, False),
    ]
    await rows.change(rows.installed, consent_epoch=2)
    assert await find_requested(rows.session, rows.installed.id, "storage") is None


async def test_an_answer_is_kept_with_its_time_and_is_a_change_when_it_is_another(rows: Rows) -> None:
    async def kept() -> list[tuple[bool, ...]]:
        query = select(InstallationPermission.granted, InstallationPermission.granted_at.is_not(None))
        return [tuple(each) for each in await rows.session.execute(query)]

    for granted, changed in ((False, True), (False, False), (True, True), (True, False), (False, True)):
        assert await rows.grant("storage", granted=granted) is changed
        assert await kept() == [(granted, granted)]


@pytest.mark.parametrize(("taken_back", "generation"), [(True, 2), (False, 1)])
async def test_a_change_is_told_and_a_revocation_counted_there_alone(
    rows: Rows, *, taken_back: bool, generation: int
) -> None:
    await note_change(rows.session, rows.installed.id, rows.cat.id, taken_back=taken_back)
    for home, expected in ((rows.installed, generation), (rows.own, 1)):
        query = select(Installation.grant_generation).where(Installation.id == home.id)
        assert await rows.session.scalar(query) == expected
    events = await rows.session.execute(
        select(LifecycleEvent.installation_id, LifecycleEvent.cat_id, LifecycleEvent.event)
    )
    assert [tuple(each) for each in events] == [(rows.installed.id, rows.cat.id, "installation.permissions_changed")]
