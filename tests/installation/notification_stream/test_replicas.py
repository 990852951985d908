"""What another replica takes comes to streams of this one as well."""

import asyncio
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import insert, select

from cathouse.database import DatabaseUnavailableError, DatabaseUrl
from cathouse.schema import Notification
from installation_service.notifications import repository, streams
from tests.fixtures.house import run_house
from tests.installation.notification_stream.listening import home_of, listening, second_process

TWO: dict[str, Any] = {"replicas": 2, "db_shares": "auth=1 catalog=1 installation=1 proxy=1"}


@dataclass
class Polls:
    """How often the database was asked for what other processes took; ``fails`` is whether it is away."""

    count: int = 0
    fails: bool = False
    players: int = 0


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Polls:
    monkeypatch.setattr(streams, "POLL_S", 0.3)
    seen = Polls()
    real = repository.new_notifications

    async def new_notifications(session: Any, user_ids: Any, **more: Any) -> Any:
        seen.count += 1
        seen.players = len(user_ids)
        if seen.fails:
            raise DatabaseUnavailableError
        return await real(session, user_ids, **more)

    monkeypatch.setattr(repository, "new_notifications", new_notifications)
    return seen


async def test_what_another_replica_takes_comes_too(clean_db: DatabaseUrl, polls: Polls) -> None:
    async with (
        run_house(clean_db, **TWO) as house,
        second_process(house, clean_db, **TWO) as second,
    ):
        home, other = await home_of(house, cats=5), await home_of(house, cats=1)
        await home.send(4, "before")
        assert polls.count == 0
        async with (
            listening(house, home.player.headers, url=second) as far,
            listening(house, home.player.headers) as near,
            listening(house, other.player.headers, url=second) as stranger,
        ):
            await home.send(0, "one")
            await near.hears(1)
            await far.hears(1)
            await home.send(1, "two", url=second)
            await far.hears(2)
            await near.hears(2)
            async with listening(house, home.player.headers, url=second, since=far.events[0]["id"]) as late:
                await asyncio.sleep(1)
                assert late.titles == ["before", "one", "two"]
                await home.send(2, "three")
                await late.hears(4)
            polls.fails = True
            await home.send(3, "four")
            await asyncio.sleep(1)
            polls.fails = False
            await far.hears(4)
            await asyncio.sleep(1)  # every later look finds them again
            assert far.titles == near.titles == ["one", "two", "three", "four"]
            assert stranger.events == []
        await asyncio.sleep(0.2)
        counted = polls.count
        await asyncio.sleep(1)
        assert polls.count == counted  # nobody listens


async def test_one_query_asks_for_everybody_and_keeps_the_process_awake(clean_db: DatabaseUrl, polls: Polls) -> None:
    async with run_house(clean_db, **TWO, db_idle_after=1.0) as house:
        people = [await house.register() for _ in range(3)]
        async with AsyncExitStack() as stack:
            for person in people:
                for _ in range(3):
                    await stack.enter_async_context(listening(house, person.headers))
            await asyncio.sleep(1.5)
            counted = polls.count
            await asyncio.sleep(1.5)
            assert 1 <= polls.count - counted <= 6  # five; 15, were each player asked for
            assert polls.players == 3


async def test_what_is_committed_late_is_not_missed(clean_db: DatabaseUrl, polls: Polls) -> None:
    async with run_house(clean_db, **TWO) as house:
        home = await home_of(house, cats=1)
        sent = await home.send(0, "early")
        async with listening(house, home.player.headers) as listener:
            with house.engine.begin() as connection:
                made = select(Notification.installation_id, Notification.user_id, Notification.created_at)
                kept = connection.execute(made.where(Notification.id == uuid.UUID(sent["id"]))).mappings().one()
                connection.execute(insert(Notification).values({**kept, "title": "late", "body": "Come home."}))
                await asyncio.sleep(1)
            await listener.hears(1)
            await asyncio.sleep(1)
            assert listener.titles == ["late"]
