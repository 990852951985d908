"""``kill -9`` of installation-service: what was answered is there, cats are told of it, and nothing is in the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update
from starlette.requests import Request
from starlette.responses import Response

from cathouse.database import DatabaseUrl
from cathouse.local.processes import Child, plain_environment, start, stop, wait_until_ready
from cathouse.schema import Installation, InstallationPermission, LifecycleEvent, Permission, StoredValue
from cathouse.web import SERVICES
from installation_service.lifecycle.service import LifecycleService
from tests.fixtures.cat_calls import STORAGE, token
from tests.fixtures.house import PLATFORM_SECRET, House, Person, run_house
from tests.fixtures.lifecycle import until_told
from tests.fixtures.ports import free_port
from tests.fixtures.server import role_url
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until
from tests.installation.invariants import Invariants
from tests.proxy.cats import Cat, respond

INSTALLATIONS = "/api/v1/installations"
NOWHERE = "http://127.0.0.1:1"
PLAYERS = 4
ENOUGH = 120
"""Calls that are answered before the process is killed."""


class Process:
    """installation-service as a process, in the place of the house's own one."""

    def __init__(self, house: House, database: DatabaseUrl, folder: Path) -> None:
        port = free_port()
        urls = {f"{service.upper()}_URL": house.urls[service] for service in SERVICES}
        self.environment = plain_environment() | urls | {
            "INSTALLATION_PORT": str(port),
            "DATABASE_URL": role_url("installation", database).for_libpq(),
            "PLATFORM_SECRET": PLATFORM_SECRET,
        }  # fmt: skip
        self._url = f"http://127.0.0.1:{port}"
        self._log = folder / "log"
        self._child: Child | None = None
        house.urls["installation"] = self._url

    async def start(self, **environment: str) -> None:
        """Start it, for the first time or again, and wait until it serves."""
        self._child = start(
            "installation-service",
            ("-m", "installation_service"),
            self.environment | environment,
            ready_url=f"{self._url}/health/ready",
            log=self._log,
        )
        await asyncio.to_thread(wait_until_ready, [self._child])

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        assert self._child is not None
        self._child.process.kill()
        self._child.process.wait()

    def stop(self) -> None:
        """End it as it should be ended."""
        if self._child is not None:
            stop([self._child])


@dataclass
class Scene:
    house: House
    process: Process
    cat: Cat
    published: dict[str, Any]


@pytest.fixture
async def scene(clean_db: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """The house, but for installation-service, which nobody has started yet."""
    monkeypatch.setattr(LifecycleService, "start", lambda _self: None)  # the house's own one tells nobody
    cat = Cat()
    async with run_house(clean_db) as house, serve(cat.app) as url:
        process = Process(house, clean_db, tmp_path)
        published = await house.publish(await house.register("developer"), endpoint_url=f"{url}/")
        try:
            yield Scene(house, process, cat, published)
        finally:
            process.stop()


async def until_heard(cat: Cat, times: int) -> None:
    await until(lambda: len(cat.told) >= times)


async def test_what_was_committed_is_told_by_the_next_process(scene: Scene) -> None:
    player = await scene.house.register()
    await scene.process.start(PROXY_URL=NOWHERE)
    installed = await scene.house.install(player, scene.published)
    scene.process.kill()
    assert scene.cat.told == []
    # Had it just been taken, or given back, it would be due a little later.
    await scene.house.execute(update(LifecycleEvent).values(next_attempt_at=func.now()))
    await scene.process.start()
    await until_told(scene.house.engine)
    ((_, raw),) = scene.cat.told
    message = json.loads(raw)
    assert (message["type"], message["installation"]["id"]) == ("installation.created", installed["id"])


async def test_what_was_being_told_is_told_again_as_the_same(scene: Scene) -> None:
    never = asyncio.Event()

    async def nap(_request: Request) -> Response:
        await never.wait()
        return Response()

    player = await scene.house.register()
    scene.cat.when_told = nap
    await scene.process.start()
    await scene.house.install(player, scene.published)
    await until_heard(scene.cat, 1)
    scene.process.kill()
    never.set()
    scene.cat.when_told = respond(204, b"")
    with scene.house.engine.connect() as connection:
        lease = connection.scalar(select(LifecycleEvent.next_attempt_at - func.now()))
    assert lease is not None
    assert 60 < lease.total_seconds() <= 120
    await scene.house.execute(update(LifecycleEvent).values(next_attempt_at=func.now()))  # it is over
    await scene.process.start()
    await until_told(scene.house.engine)
    first, second = scene.cat.told
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    with scene.house.engine.connect() as connection:
        event = connection.execute(select(LifecycleEvent.__table__)).one()
    assert event.delivered_at is not None
    assert (event.attempts, len(event.attempt_log)) == (2, 1)


@dataclass
class Home:
    """An installation as its player knows it: what was answered, and what was asked last without an answer."""

    installed: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    state: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    revocations: int = 0
    doubt: dict[str, Any] = field(default_factory=dict)
    doubtful_event: str | None = None


class Life:
    """A player who installs, grants, lets the cat store and uninstalls, one thing after the other, again and again."""

    def __init__(self, scene: Scene, player: Person, calls: "Calls") -> None:
        self._scene = scene
        self._player = player
        self._calls = calls
        self.homes: list[Home] = []

    async def go_on(self) -> None:
        """Until nobody answers any more."""
        while True:
            home = Home(name=f"Misty {len(self.homes)}")
            self.homes.append(home)
            await self._live(home, rounds=3 + len(self.homes))

    async def _live(self, home: Home, *, rounds: int) -> None:
        body = {"cat_id": self._scene.published["id"], "instance_name": home.name, "grants": {"storage": True}}
        home.installed = await self._do(home, {"status": "active"}, "created", "POST", INSTALLATIONS, body)
        path = f"{INSTALLATIONS}/{home.installed['id']}"
        cat = token(home.installed)
        for number in range(rounds):
            key = f"key-{number % 4}"
            await self._do(home, {key: number}, None, "PUT", f"{STORAGE}/{key}", number, headers=cat)
            granted = number % 2 == 0
            grant = f"{path}/permissions/notification"
            home.revocations += not granted
            await self._do(home, {"notification": granted}, "permissions_changed", "PUT", grant, {"granted": granted})
        await self._do(home, {"status": "paused"}, "paused", "POST", f"{path}/pause")
        await self._do(home, {"status": "uninstalled"}, "uninstalled", "DELETE", path)

    async def _do(
        self,
        home: Home,
        change: dict[str, Any],
        event: str | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        home.doubt, home.doubtful_event = change, event
        url = self._scene.house.urls["installation"] + path
        answer = await self._calls.http.request(method, url, json=body, headers=headers or self._player.headers)
        assert answer.is_success, answer.text
        home.state.update(change)
        home.events += [event] if event else []
        home.doubt, home.doubtful_event = {}, None
        self._calls.count()
        return answer.json() if answer.content else {}


class Calls:
    """Counts what was answered."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.enough = asyncio.Event()
        self._answered = 0

    def count(self) -> None:
        self._answered += 1
        if self._answered >= ENOUGH:
            self.enough.set()


def found(house: House, player: Person, name: str) -> tuple[dict[str, Any], list[str], int] | None:
    """An installation as the database has it: its state, its events, its generation; None: it is not there."""
    with house.engine.connect() as connection:
        query = select(Installation.__table__).where(
            Installation.user_id == player.id, Installation.instance_name == name
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        values = select(StoredValue.key, StoredValue.value).where(StoredValue.installation_id == row.id)
        grant = (
            select(InstallationPermission.granted)
            .join(Permission)
            .where(InstallationPermission.installation_id == row.id, Permission.permission_type == "notification")
        )
        events = select(LifecycleEvent.event).where(LifecycleEvent.installation_id == row.id)
        kinds = connection.scalars(events.order_by(LifecycleEvent.sequence))
        state = {"status": row.status, "notification": connection.scalar(grant)}
        state.update((each.key, each.value) for each in connection.execute(values))
        return state, [kind.removeprefix("installation.") for kind in kinds], row.grant_generation


def check(house: House, player: Person, home: Home) -> None:
    """Hold what is there against what was answered; what was asked last may have been done or not."""
    there = found(house, player, home.name)
    if there is None:
        assert not home.installed
        return
    state, events, generation = there
    before = {"notification": False, **home.state}
    assert state in (before, {**before, **home.doubt})
    assert events in (home.events, [*home.events, home.doubtful_event])
    revoked = home.revocations + 1  # the one that was asked last counts among them
    assert generation in ((revoked - 1, revoked) if "notification" in home.doubt else (revoked,))


async def test_under_load_nothing_that_was_answered_is_lost(scene: Scene) -> None:
    house, invariants = scene.house, Invariants(scene.house.engine)
    players = [await house.register() for _ in range(PLAYERS)]
    await scene.process.start()
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        calls = Calls(http)
        lives = [Life(scene, player, calls) for player in players]
        living = [asyncio.create_task(life.go_on()) for life in lives]
        enough = asyncio.create_task(calls.enough.wait())
        await asyncio.wait([*living, enough], return_when=asyncio.FIRST_COMPLETED, timeout=20)
        assert calls.enough.is_set()
        scene.process.kill()
        ends = await asyncio.gather(*living, return_exceptions=True)
        assert all(isinstance(end, httpx.TransportError) for end in ends), ends
    await scene.process.start()
    for life, player in zip(lives, players, strict=True):
        for home in life.homes:
            check(house, player, home)
    invariants.check()
    # Nothing that the dead process held is in the way: everybody's next step is taken at once.
    async with asyncio.timeout(10):
        await asyncio.gather(
            *(house.install(player, scene.published, instance_name="Next") for player in players),
            *(
                house.call(
                    "installation", "DELETE", f"{INSTALLATIONS}/{home.installed['id']}", person=player, expect=204
                )
                for life, player in zip(lives, players, strict=True)
                for home in life.homes[-1:]
                if home.installed
            ),
        )
        await until(lambda: not held(house))
    # Those that were just being told are due when their lease is over.
    await house.execute(
        update(LifecycleEvent).where(LifecycleEvent.next_attempt_at.is_not(None)).values(next_attempt_at=func.now())
    )
    await house.install(players[0], scene.published, instance_name="Last")
    await until_told(house.engine)
    invariants.check()
    check_told(scene)


def held(house: House) -> int:
    """How many transactions of installation-service are open that do nothing."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = 'cathouse_installation_login' AND state LIKE 'idle in transaction%'"
    )
    with house.engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def check_told(scene: Scene) -> None:
    """The cat was told of every event, each installation's in their order; some twice, as the same."""
    heard: dict[str, list[str]] = {}
    for headers, raw in scene.cat.told:
        messages = heard.setdefault(json.loads(raw)["installation"]["id"], [])
        if headers["webhook-id"] not in messages:
            messages.append(headers["webhook-id"])
    with scene.house.engine.connect() as connection:
        rows = connection.execute(select(LifecycleEvent.__table__).order_by(LifecycleEvent.sequence)).all()
    expected: dict[str, list[str]] = {}
    for row in rows:
        expected.setdefault(str(row.installation_id), []).append(f"msg_{row.id.hex}")
    assert heard == expected
