"""Two of each service behind nginx: whichever is killed, players go on, and what was acknowledged is there once.

Players walk their whole journey again and again, as a good client does: what was cut off or answered 502, 503 or 504
is sent again, a POST that creates with the same Idempotency-Key. Meanwhile one replica after another is killed.
"""

import asyncio
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select, update

from cathouse.database import DatabaseUrl
from cathouse.local.processes import wait_until_ready
from cathouse.schema import Installation, LifecycleEvent, Notification, Session, StoredValue, Task, User
from tests.factories.accounts import PASSWORD
from tests.fixtures.lifecycle import until_told
from tests.fixtures.redis_server import RedisProcess
from tests.flows.good_client import Acknowledged, Player
from tests.flows.replicas import Scene, two_of_each

PLAYERS = 2


async def kill_one_after_another(scene: Scene, redis: RedisProcess) -> None:
    """One replica of each service by ``kill -9``, and back before the next one goes; then the others, as they should.

    From then on those that came back are alone, and what the killed ones had taken is due again: the test does not wait
    until their leases of two minutes end.
    """
    for both in scene.replicas.values():
        both[0].kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(wait_until_ready, [both[0].start()])
    redis.kill()
    others = [both[1] for both in scene.replicas.values()]
    await asyncio.gather(*(asyncio.to_thread(replica.end) for replica in others))
    await asyncio.sleep(1.0)
    with scene.engine.begin() as connection:
        taken = update(LifecycleEvent).where(LifecycleEvent.next_attempt_at > func.now())
        connection.execute(taken.values(next_attempt_at=func.now()))


async def walk_until(over: asyncio.Event, player: Player) -> None:
    while not over.is_set():
        await player.walk()
    await player.walk()  # once more, all at those that are left, and their workers look at what is due


async def test_whichever_is_killed_players_go_on(clean_db: DatabaseUrl, tmp_path: Path, redis: RedisProcess) -> None:
    async with two_of_each(clean_db, tmp_path, REDIS_URL=redis.url) as scene:
        await until_counted_together(scene)
        players = [Player(scene.client, scene.published) for _ in range(PLAYERS)]
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for player in players:
                group.create_task(walk_until(over, player))
            await kill_one_after_another(scene, redis)
            over.set()
        await until_told(scene.engine)
        for player in players:
            check(scene, player.done)
        for replica in (each for both in scene.replicas.values() for each in both):
            assert "Traceback" not in replica.said, replica.said


async def until_counted_together(scene: Scene) -> None:
    """Both replicas hold an address to one limit. One that finds Redis slow counts alone for a second."""
    for attempt in range(5):
        seen = await statuses_of_log_ins(scene, 12, address=f"203.0.113.{attempt}")
        if seen == {401: 5, 429: 7}:
            return
        await asyncio.sleep(2.0)
    raise AssertionError(f"of twelve log-ins from one address {dict(seen)}")


async def statuses_of_log_ins(scene: Scene, count: int, *, address: str) -> Counter[int]:
    """Of as many as ``count`` from one address."""
    url = f"{scene.client.urls['auth']}/api/v1/auth/login"
    body = {"email": "nobody@example.com", "password": PASSWORD}
    headers = {"X-Forwarded-For": address}
    answers = [await scene.client.http.post(url, json=body, headers=headers) for _ in range(count)]
    return Counter(answer.status_code for answer in answers)


def check(scene: Scene, done: Acknowledged) -> None:
    """What was acknowledged is there, and nothing is there twice."""
    with scene.engine.connect() as connection:
        of_player = select(User.id).where(User.email.in_(done.emails))
        assert connection.scalar(select(func.count()).select_from(of_player.subquery())) == len(done.emails)
        rows = connection.execute(
            select(Installation.id, Installation.status).where(Installation.user_id.in_(of_player))
        )
        assert {str(row.id): row.status for row in rows} == dict.fromkeys(done.installations, "uninstalled")
        heard = connection.execute(select(StoredValue.installation_id, StoredValue.key))
        assert {(str(row[0]), row[1].removeprefix("heard/")) for row in heard} >= done.heard
        notified = select(Notification.body).where(Notification.user_id.in_(of_player))
        assert Counter(connection.scalars(notified)) == Counter(done.notified)
        tasks = select(Task.title).where(Task.user_id.in_(of_player))
        assert Counter(connection.scalars(tasks)) == Counter(done.tasks)
        revoked = select(func.count()).where(Session.user_id.in_(of_player), Session.revoked_at.is_not(None))
        assert connection.scalar(revoked) == 0
        events = connection.execute(select(LifecycleEvent.installation_id, LifecycleEvent.event))
        own = [(str(row[0]), row[1]) for row in events if str(row[0]) in done.installations]
    assert max(Counter(own).values()) == 1
    assert done.uninstalled == done.installations
    assert done.received == Counter(done.notified)
    told = {(installation, kind, message) for installation, kind, message in scene.cat.told}
    assert Counter((installation, kind) for installation, kind, _ in told if installation in done.installations) == (
        Counter(own)
    )
