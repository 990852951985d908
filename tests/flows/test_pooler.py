"""The whole of Cat House through a PgBouncer in transaction mode, as a serverless Postgres has one."""

import asyncio
from pathlib import Path

from sqlalchemy import Engine, text

from cathouse.database import DatabaseUrl
from cathouse.local.stack import run_stack
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import House
from tests.fixtures.pgbouncer import pgbouncer
from tests.fixtures.server import server_url
from tests.flows.stacks import Watcher, settings, walk

CALLERS = 12
ROUNDS = 4


def test_the_whole_journey_through_the_pooler(checkout: Path, clean_db: DatabaseUrl) -> None:
    # Two server connections for all four services: transactions of one client seldom meet the same one.
    with pgbouncer(server_url(), pool_size=2) as pooler:
        pooled = pooler.replace(name=clean_db.name)
        chosen = settings(
            database_url=pooled.for_libpq(),
            database_pooler="transaction",
            migration_database_url=clean_db.for_libpq(),
        )
        with run_stack(checkout, chosen, lambda _: None) as stack:
            watcher = Watcher(clean_db)
            watcher.start()
            assert len(walk(stack)) == 12
            walk(stack)
            watcher.stop()
    assert 1 <= watcher.most <= 2, watcher.seen


async def test_nothing_fails_when_server_connections_are_shuffled_by_load(house: House) -> None:
    developer = await house.register("developer")
    cat = await house.publish(developer)
    players = [await house.register() for _ in range(CALLERS)]
    homes = [await house.install(player, cat) for player in players]

    async def live(number: int) -> None:
        player, home = players[number], homes[number]
        for _ in range(ROUNDS):
            await asyncio.gather(
                house.interact(player, home, "hello"),
                house.call("catalog", "GET", "/api/v1/cats?search=cat"),
                house.call("installation", "GET", "/api/v1/installations", person=player),
                house.call("auth", "GET", "/api/v1/users/me", person=player),
            )
            paused = await house.call(
                "installation", "POST", f"/api/v1/installations/{home['id']}/pause", person=player
            )
            assert paused.json()["status"] == "paused"
            await house.call("installation", "POST", f"/api/v1/installations/{home['id']}/resume", person=player)
        await house.log_in(player.email, player.id, PASSWORD)

    await asyncio.gather(*(live(number) for number in range(CALLERS)))  # each call has its status checked


async def test_nothing_fails_when_a_table_changes_while_connected(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    cat = await house.publish(developer)
    home = await house.install(player, cat)

    async def call_everything() -> None:
        await house.interact(player, home, "hello")
        await house.call("catalog", "GET", f"/api/v1/cats/{cat['id']}")
        await house.call("installation", "GET", f"/api/v1/installations/{home['id']}", person=player)
        await house.call("auth", "GET", "/api/v1/users/me", person=player)

    for _ in range(3):  # often enough for plans to be kept
        await call_everything()
    for change in (
        "ALTER TABLE cathouse.cats ADD COLUMN extra text",
        "ALTER TABLE cathouse.users ALTER COLUMN display_name TYPE varchar(200)",
        "ALTER TABLE cathouse.installations ADD COLUMN extra int DEFAULT 1",
        "ALTER TABLE cathouse.cats DROP COLUMN extra",
    ):
        await asyncio.to_thread(alter, house.engine, change)
        await asyncio.gather(*(call_everything() for _ in range(3)))


def alter(engine: Engine, change: str) -> None:
    """Aside, since the services run in this thread and may hold a lock at the moment."""
    with engine.begin() as connection:
        connection.execute(text(change))
