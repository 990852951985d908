"""What pages, look-ups and removals cost where 50,000 interactions and values are kept: no page scans a table."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Iterator

import pytest
from sqlalchemy import insert, text

from benchmarks.crowd import crowd, fill
from benchmarks.kept_rows import OF_THE_WATCHED, Watched, keep
from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.schema import Installation, Role, TaskPriority, TaskStatus, User
from installation_service.activity import repository as activity
from installation_service.developers import repository as developers
from installation_service.installations import repository as installations
from installation_service.notifications import repository as notifications
from installation_service.storage import repository as storage
from installation_service.tasks import repository as tasks
from tests.fixtures.plans import Explainer, check, explaining
from tests.fixtures.server import clone_database, drop_database, server_url

ROWS = 50_000
PAGE = 21
MOST_VISITED = 2_500
"""Rows of all tables and indexes together for one page, each with what stands beside it. Of the 5,000 tasks Postgres
likes to look a third up in a second index."""

BEHIND = (dt.datetime.now(dt.UTC) - dt.timedelta(days=10), uuid.UUID(int=0))
FAR_BEHIND = (dt.datetime.now(dt.UTC) - dt.timedelta(days=200), uuid.UUID(int=0))

Ask = Callable[[Explainer, Watched], Awaitable[object]]


@pytest.fixture(scope="module")
def crowded() -> Iterator[DatabaseUrl]:
    """A database for all tests here: filling it takes seconds, and none of them leaves anything in it."""
    url = clone_database()
    yield url
    drop_database(server_url(), url.name)


@pytest.fixture(scope="module")
def watched(crowded: DatabaseUrl) -> Watched:
    engine = make_migration_engine(crowded)
    fill(engine, 2_000)
    found = Watched(uuid.uuid4(), uuid.uuid4(), next(iter(crowd(1))).id)
    person = {"id": found.user_id, "email": "mia@example.com", "email_key": "mia@example.com", "display_name": "Mia"}
    home = {
        "id": found.installation_id,
        "user_id": found.user_id,
        "cat_id": found.cat_id,
        "consent_epoch": 1,
        "instance_name": "Misty",
    }
    with engine.begin() as connection:
        connection.execute(insert(User), [{**person, "role": Role.PLAYER.value}])
        connection.execute(insert(Installation), [home])
    keep(engine, ROWS, found)
    return found


def tasks_page(filters: tasks.Filters) -> Ask:
    return lambda explainer, it: tasks.list_tasks(
        explainer.session, tasks.of_player(it.user_id), filters, after=FAR_BEHIND, limit=PAGE
    )


PAGES: dict[str, Ask] = {
    "activity": lambda explainer, it: activity.list_activity(
        explainer.session, it.installation_id, after=None, limit=PAGE
    ),
    "activity, behind": lambda explainer, it: activity.list_activity(
        explainer.session, it.installation_id, after=BEHIND, limit=PAGE
    ),
    "a cat's interactions": lambda explainer, it: developers.list_interactions(
        explainer.session, it.cat_id, after=None, limit=PAGE
    ),
    "a cat's interactions, behind": lambda explainer, it: developers.list_interactions(
        explainer.session, it.cat_id, after=BEHIND, limit=PAGE
    ),
    "a cat's installations": lambda explainer, it: developers.list_installations(
        explainer.session, it.cat_id, after=None, limit=PAGE
    ),
    "a cat's installations, behind": lambda explainer, it: developers.list_installations(
        explainer.session, it.cat_id, after=FAR_BEHIND, limit=PAGE
    ),
    "a player's installations": lambda explainer, it: installations.list_installations(
        explainer.session, it.user_id, status=None, cat_id=None, after=None, limit=PAGE
    ),
    "a player's installations, behind": lambda explainer, it: installations.list_installations(
        explainer.session, it.user_id, status=None, cat_id=None, after=FAR_BEHIND, limit=PAGE
    ),
    "inbox": lambda explainer, it: notifications.list_notifications(
        explainer.session, it.user_id, unread=False, after=None, limit=PAGE
    ),
    "inbox, unread, behind": lambda explainer, it: notifications.list_notifications(
        explainer.session, it.user_id, unread=True, after=FAR_BEHIND, limit=PAGE
    ),
    "keys": lambda explainer, it: storage.list_keys(
        explainer.session, it.installation_id, prefix="", after=None, limit=PAGE
    ),
    "keys, behind": lambda explainer, it: storage.list_keys(
        explainer.session, it.installation_id, prefix="mood/", after="mood/200", limit=PAGE
    ),
    "value": lambda explainer, it: storage.find_value(explainer.session, it.installation_id, "mood/1"),
    "tasks": tasks_page(tasks.Filters()),
    "tasks by status": tasks_page(tasks.Filters(status=TaskStatus.PENDING)),
    "tasks by priority": tasks_page(tasks.Filters(priority=TaskPriority.HIGH)),
    "tasks by tag": tasks_page(tasks.Filters(tags=("home",))),
    "tasks that are overdue": tasks_page(tasks.Filters(overdue=True)),
    "tasks by date": tasks_page(tasks.Filters(due_before=dt.datetime.now(dt.UTC))),
    "tasks of a cat": lambda explainer, it: tasks.list_tasks(
        explainer.session, tasks.of_installation(it.installation_id), tasks.Filters(), after=None, limit=PAGE
    ),
}

REMOVALS = {"interactions": activity.remove_old_interactions, "permission uses": activity.remove_old_uses}


async def test_no_page_scans_a_table(watched: Watched, crowded: DatabaseUrl, subtests: pytest.Subtests) -> None:
    """One test, so that the rows are made once."""
    async with explaining(crowded) as explainer:
        for name, ask in PAGES.items():
            with subtests.test(name):
                assert await ask(explainer, watched)
                check(await explainer.visits(), MOST_VISITED)
        for name, remove in REMOVALS.items():
            with subtests.test(name):
                assert await remove(explainer.session)
                await explainer.session.rollback()
                check(await explainer.visits(), 4_000)
        with subtests.test("put"):
            assert await storage.put_value(explainer.session, watched.installation_id, "mood/1", {"purrs": 4})
            await explainer.session.rollback()
            check(await explainer.visits(), MOST_VISITED + OF_THE_WATCHED)


def test_what_is_kept_is_as_much_as_was_wanted(watched: Watched, crowded: DatabaseUrl) -> None:
    with make_migration_engine(crowded).connect() as connection:
        assert int(connection.scalar(text("SELECT count(*) FROM cathouse.interactions")) or 0) > ROWS
        assert int(connection.scalar(text("SELECT count(*) FROM cathouse.stored_values")) or 0) > ROWS
        own = text("SELECT count(*) FROM cathouse.installations WHERE cat_id = :cat_id")
        assert int(connection.scalar(own, {"cat_id": watched.cat_id}) or 0) > ROWS // 50
