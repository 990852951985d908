"""Two of each service behind nginx: whichever is killed, players go on, and what was acknowledged is there once.

Players walk their whole journey again and again, as a good client does: what was cut off or answered 502, 503 or 504
is sent again, a POST that creates with the same Idempotency-Key. Meanwhile one replica after another is killed.
"""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select
from starlette.applications import Starlette
from starlette.routing import Route

from cathouse.cat import Cat, Event, House, InstallationMessage, UnavailableError
from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.processes import Child, plain_environment, start, stop, wait_until_ready
from cathouse.schema import Installation, LifecycleEvent, Notification, Session, StoredValue, Task, User
from cathouse.web import SERVICES, ServiceName
from tests.factories.accounts import PASSWORD, registration
from tests.factories.cats import NOTIFICATION, STORAGE, cat_creation
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET
from tests.fixtures.lifecycle import until_told
from tests.fixtures.nginx import Nginx, reserve, run_nginx
from tests.fixtures.redis_server import RedisProcess
from tests.fixtures.server import role_url
from tests.fixtures.serving import listen, port_of, serve

pytestmark = pytest.mark.processes

PLAYERS = 2
PATIENCE_S = 15.0
"""For one call, with all its repetitions."""

ANSWERS_OF_A_BROKEN_WAY = (502, 503, 504)


class Replica:
    """One process of a service."""

    def __init__(self, service: ServiceName, number: int, environment: Mapping[str, str], folder: Path) -> None:
        with listen() as reserved:
            self.port = port_of(reserved)
        self.name = f"{service}-{number}"
        self.log = folder / self.name
        self._service = service
        self._environment = {**environment, f"{service.upper()}_PORT": str(self.port)}
        self._child: Child | None = None
        self._said: list[str] = []

    @property
    def said(self) -> str:
        """Everything that it wrote, also before it was started again."""
        return "".join([*self._said, self.log.read_text()])

    def start(self) -> Child:
        """Start it, for the first time or again."""
        if self.log.exists():
            self._said.append(self.log.read_text())
        self._child = start(
            self.name,
            ("-m", f"{self._service}_service"),
            self._environment,
            ready_url=f"http://127.0.0.1:{self.port}/health/ready",
            log=self.log,
        )
        return self._child

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        assert self._child is not None
        self._child.process.kill()
        self._child.process.wait()

    def end(self) -> None:
        """As it should be ended."""
        if self._child is not None:
            stop([self._child])


class ACat:
    """A developer's cat: remembers each thing that it hears, tells of some, and tries again what Cat House missed."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self._by_slug: dict[str, Cat] = {}
        self.app = Starlette(routes=[Route("/{slug}", self._answer, methods=["POST"])])

    def know(self, slug: str, secret: str) -> None:
        """Answer for ``slug``."""
        cat = Cat(secret)
        cat.interaction(self._hear)
        cat.stream(self._tell)
        cat.on("installation.created", "installation.uninstalled", "installation.permissions_changed")(self._listen)
        self._by_slug[slug] = cat

    async def aclose(self) -> None:
        """Give the connections back."""
        for cat in self._by_slug.values():
            await cat.aclose()

    async def _answer(self, request: Any) -> Any:
        return self._by_slug[request.path_params["slug"]]

    async def _listen(self, message: InstallationMessage, _house: House) -> None:
        self.told.append((str(message.installation.id), message.type, message.id))

    async def _hear(self, message: InstallationMessage, house: House) -> Any:
        said = message.input
        await _again(lambda: house.storage.put(f"heard/{said['id']}", said))
        if said.get("notify"):
            await _again(lambda: house.notify("A word", said["id"], idempotency_key=said["id"]))
        return {"heard": said["id"]}

    async def _tell(self, message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        for word in ("once", "upon", "a", "time"):
            yield Event({"word": word}, event="word")
            await asyncio.sleep(0.05)
        yield Event({"heard": message.input["id"]}, event="end")


async def _again(call: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(40):
        with suppress(UnavailableError):
            await call()
            return
        await asyncio.sleep(0.1)
    raise AssertionError("Cat House stayed away from a cat")


@dataclass
class Client:
    """Sends again what may be sent again, and counts how often."""

    http: httpx.AsyncClient
    urls: Mapping[str, str]
    again: Counter[str] = field(default_factory=Counter)

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: bool = False,
        expect: tuple[int, ...] = (200,),
    ) -> httpx.Response:
        """One call until it is answered. ``key``: it creates something, and is to do so once."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                answer = await self.http.request(method, self.urls[service] + path, json=body, headers=headers)
            except httpx.TransportError as error:
                self.again[f"{method} {path.split('?', maxsplit=1)[0][:40]}: {type(error).__name__}"] += 1
            else:
                is_running = answer.status_code == 409 and answer.json().get("code") == "idempotency_key_in_use"
                if answer.status_code not in ANSWERS_OF_A_BROKEN_WAY and not is_running:
                    assert answer.status_code in expect, f"{method} {path}: {answer.status_code} {answer.text}"
                    return answer
                self.again[f"{method} {path.split('?', maxsplit=1)[0][:40]}: {answer.status_code}"] += 1
            await asyncio.sleep(0.1)
        raise AssertionError(f"{method} {path} was not answered within {PATIENCE_S} s: {dict(self.again)}")


@dataclass
class Acknowledged:
    """What a player was told had been done."""

    emails: set[str] = field(default_factory=set)
    installations: set[str] = field(default_factory=set)
    uninstalled: set[str] = field(default_factory=set)
    heard: set[tuple[str, str]] = field(default_factory=set)
    notified: set[str] = field(default_factory=set)
    received: Counter[str] = field(default_factory=Counter)
    tasks: set[str] = field(default_factory=set)


class Player:
    """Walks the journey, each time as somebody new."""

    def __init__(self, client: Client, cat: Mapping[str, Any]) -> None:
        self._client = client
        self._cat = cat
        self._tokens: dict[str, Any] = {}
        self.done = Acknowledged()

    async def walk(self) -> None:
        """From the registration to the end of the installation."""
        await self._arrive()
        listening = asyncio.create_task(self._listen())
        try:
            installation = await self._install()
            for number in range(4):
                await self._talk(installation, notify=number % 2 == 0)
                if number == 1:
                    await self._refresh()
            await self._hear_a_story(installation)
            await self._note()
            await self._look(installation)
            await self._uninstall(installation)
            until = time.monotonic() + PATIENCE_S
            while missing := self.done.notified - self.done.received.keys():
                assert not listening.done(), listening.exception()
                assert time.monotonic() < until, missing
                await asyncio.sleep(0.05)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _call(self, service: str, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self._client.call(service, method, path, body, token=self._tokens["access_token"], **more)

    async def _arrive(self) -> None:
        body = registration()
        # It takes no key: who sends it again is told that there is such an account now, and logs in.
        await self._client.call("auth", "POST", "/api/v1/auth/register", body, expect=(201, 409))
        self.done.emails.add(body["email"])
        answer = await self._client.call("auth", "POST", "/api/v1/auth/login", {**_login(body)})
        self._tokens = answer.json()

    async def _refresh(self) -> None:
        token = self._tokens["refresh_token"]
        answer = await self._client.call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": token})
        # Two tabs that refresh at once, at whatever replica, get the same successor.
        second = await self._client.call("auth", "POST", "/api/v1/auth/refresh", {"refresh_token": token})
        assert answer.json()["refresh_token"] == second.json()["refresh_token"]
        self._tokens = answer.json()

    async def _install(self) -> str:
        found = await self._call("catalog", "GET", f"/api/v1/cats/{self._cat['slug']}")
        body = {"cat_id": found.json()["id"], "instance_name": "Misty", "grants": {"storage": True}}
        made = await self._call("installation", "POST", "/api/v1/installations", body, key=True, expect=(201,))
        installation = str(made.json()["id"])
        self.done.installations.add(installation)
        path = f"/api/v1/installations/{installation}/permissions/notification"
        await self._call("installation", "PUT", path, {"granted": True})
        return installation

    async def _talk(self, installation: str, *, notify: bool) -> None:
        said_id = uuid.uuid4().hex
        said = {"id": said_id, "notify": notify}
        path = f"/api/v1/installations/{installation}/interactions"
        answer = await self._call("proxy", "POST", path, {"input": said})
        assert answer.json() == {"output": {"heard": said_id}}
        self.done.heard.add((installation, said_id))
        if notify:
            self.done.notified.add(said_id)
            await asyncio.sleep(1.0)  # a cat may notify once a second

    async def _hear_a_story(self, installation: str) -> None:
        said = uuid.uuid4().hex
        path = f"/api/v1/installations/{installation}/interactions"
        headers = {"Authorization": f"Bearer {self._tokens['access_token']}", "Accept": "text/event-stream"}
        for _ in range(30):
            with suppress(httpx.TransportError):
                url = self._client.urls["proxy"] + path
                answer = await self._client.http.post(url, json={"input": {"id": said}}, headers=headers)
                if said in answer.text and "event: end" in answer.text:
                    assert answer.text.count("event: word") == 4
                    return
                assert answer.status_code in (200, *ANSWERS_OF_A_BROKEN_WAY), answer.text
            self._client.again["story"] += 1
            await asyncio.sleep(0.1)
        raise AssertionError("the story had no end")

    async def _note(self) -> None:
        title = uuid.uuid4().hex
        await self._call("installation", "POST", "/api/v1/tasks", {"title": title}, key=True, expect=(201,))
        self.done.tasks.add(title)

    async def _look(self, installation: str) -> None:
        listed = await self._call("installation", "GET", "/api/v1/notifications")
        assert {each["body"] for each in listed.json()["items"]} >= self._own_notified(listed)
        await self._call("auth", "GET", "/api/v1/users/me")
        await self._call("catalog", "GET", "/api/v1/cats?search=cat&facets=true")
        await self._call("installation", "GET", f"/api/v1/installations/{installation}/activity")

    def _own_notified(self, listed: httpx.Response) -> set[str]:
        own = {each["body"] for each in listed.json()["items"]}
        assert len(own) == 2
        return own & self.done.notified

    async def _uninstall(self, installation: str) -> None:
        await self._call("installation", "DELETE", f"/api/v1/installations/{installation}", expect=(204,))
        self.done.uninstalled.add(installation)
        path = f"/api/v1/installations/{installation}/interactions"
        refused = await self._call("proxy", "POST", path, {"input": "Hello?"}, expect=(410,))
        assert refused.json()["code"] == "installation_uninstalled"

    async def _listen(self) -> None:
        """The stream of notifications; opened again with the last event's id whenever it ends."""
        last: Any = None
        seen: set[Any] = set()
        url = self._client.urls["installation"] + "/api/v1/notifications/stream"
        while True:
            headers = {"Authorization": f"Bearer {self._tokens['access_token']}"}
            if last is not None:
                headers["Last-Event-ID"] = last
            with suppress(httpx.TransportError):
                async with self._client.http.stream("GET", url, headers=headers) as answer:
                    assert answer.status_code in (200, *ANSWERS_OF_A_BROKEN_WAY)
                    async for line in answer.aiter_lines():
                        if not line.startswith("data: "):
                            continue
                        notification = json.loads(line.removeprefix("data: "))
                        last = notification["id"]
                        if last not in seen:
                            seen.add(last)
                            self.done.received[notification["body"]] += 1
            await asyncio.sleep(0.05)


@dataclass
class Scene:
    """Eight processes, nginx in front of them, and a cat."""

    replicas: Mapping[ServiceName, list[Replica]]
    client: Client
    cat: ACat
    published: Mapping[str, Any]
    engine: Engine


def _login(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"email": body["email"], "password": PASSWORD}


async def _publish(client: Client, cat: ACat, cat_url: str) -> Mapping[str, Any]:
    body = registration(role="developer")
    await client.call("auth", "POST", "/api/v1/auth/register", body, expect=(201,))
    token = (await client.call("auth", "POST", "/api/v1/auth/login", _login(body))).json()["access_token"]
    creation = cat_creation(permissions=[STORAGE, NOTIFICATION])
    creation["endpoint_url"] = f"{cat_url}/{creation['slug']}"
    made = (await client.call("catalog", "POST", "/api/v1/cats", creation, token=token, expect=(201,))).json()
    path = f"/api/v1/cats/{made['id']}"
    secret = await client.call("catalog", "GET", f"{path}/signing-secret", token=token)
    cat.know(made["slug"], secret.json()["secret"])
    published: dict[str, Any] = (await client.call("catalog", "POST", f"{path}/publish", token=token)).json()
    return published


def _environment(service: str, database: DatabaseUrl, addresses: Nginx, folder: Path) -> dict[str, str]:
    return plain_environment() | {f"{name.upper()}_URL": url for name, url in addresses.internal.items()} | {
        "DATABASE_URL": role_url(service, database).for_libpq(),
        "PLATFORM_SECRET": PLATFORM_SECRET,
        "JWT_SECRET": JWT_SECRET,
        "MAIL_FOLDER": str(folder / "mails"),
        "ALLOW_PRIVATE_ENDPOINTS": "true",
        "TRUSTED_PROXIES": "127.0.0.1",
        "REPLICAS": "2",
        "DB_SHARES": "auth=1 catalog=1 installation=1 proxy=1",
        "LIMIT_LOGINS": "5/minute",
    }  # fmt: skip


@asynccontextmanager
async def two_of_each(database: DatabaseUrl, folder: Path, **environment: str) -> AsyncIterator[Scene]:
    addresses = reserve()
    replicas = {
        service: [
            Replica(service, number, _environment(service, database, addresses, folder) | environment, folder)
            for number in (1, 2)
        ]
        for service in SERVICES
    }
    ports = {service: [replica.port for replica in both] for service, both in replicas.items()}
    cat = ACat()
    async with AsyncExitStack() as stack:
        stack.enter_context(run_nginx(addresses, ports))
        for replica in (each for both in replicas.values() for each in both):
            stack.callback(replica.end)
        children = [replica.start() for both in replicas.values() for replica in both]
        await asyncio.to_thread(wait_until_ready, children)
        cat_url = await stack.enter_async_context(serve(cat.app))
        stack.push_async_callback(cat.aclose)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False))
        client = Client(http, addresses.public)
        yield Scene(replicas, client, cat, await _publish(client, cat, cat_url), make_migration_engine(database))


async def kill_one_after_another(scene: Scene, redis: RedisProcess) -> None:
    """One replica of each service by ``kill -9``, and back before the next one goes; then the others, as they should.

    From then on those that came back are alone.
    """
    for both in scene.replicas.values():
        both[0].kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(wait_until_ready, [both[0].start()])
    redis.kill()
    others = [both[1] for both in scene.replicas.values()]
    await asyncio.gather(*(asyncio.to_thread(replica.end) for replica in others))
    await asyncio.sleep(1.0)


async def walk_until(over: asyncio.Event, player: Player) -> None:
    while not over.is_set():
        await player.walk()
    await player.walk()  # once more, all at those that are left


async def test_whichever_is_killed_players_go_on(clean_db: DatabaseUrl, tmp_path: Path, redis: RedisProcess) -> None:
    async with two_of_each(clean_db, tmp_path, REDIS_URL=redis.url) as scene:
        assert await statuses_of_log_ins(scene, 12) == {401: 5, 429: 7}  # at both together
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


async def statuses_of_log_ins(scene: Scene, count: int) -> Counter[int]:
    """Of as many as ``count`` from one address."""
    url = f"{scene.client.urls['auth']}/api/v1/auth/login"
    body = {"email": "nobody@example.com", "password": PASSWORD}
    headers = {"X-Forwarded-For": "203.0.113.7"}
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
