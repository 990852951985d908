"""The stream of notifications: what a cat sends is with its player at once, and nothing is missed."""

import asyncio
import json
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, insert, select, text, update
from structlog.testing import capture_logs

from cathouse.database import DatabaseUnavailableError, DatabaseUrl
from cathouse.local.processes import plain_environment, start, stop, wait_until_ready
from cathouse.schema import Notification
from installation_service.notifications import repository, schemas, streams
from tests.auth.tokens import signer_of
from tests.fixtures.cat_calls import token
from tests.fixtures.gaps import stop_after, stop_before
from tests.fixtures.house import PLATFORM_SECRET, House, Person, create_service, directly, run_house, settings_for
from tests.fixtures.relay import relay_to
from tests.fixtures.server import role_url, server_url
from tests.fixtures.serving import listen, port_of, serve

STREAM = "/api/v1/notifications/stream"
REPOSITORY = "installation_service.notifications.repository"
TWO: dict[str, Any] = {"replicas": 2, "db_shares": "auth=1 catalog=1 installation=1 proxy=1"}


@dataclass
class Listener:
    """What has come on one stream so far."""

    headers: httpx.Headers
    events: list[dict[str, str]] = field(default_factory=list)
    comments: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    @property
    def titles(self) -> list[str]:
        return [json.loads(event["data"])["title"] for event in self.events]

    async def until(self, condition: Callable[["Listener"], bool], *, within_s: float = 5.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition(self):  # noqa: ASYNC110 - what has come is looked at, not told
                await asyncio.sleep(0.005)

    async def hears(self, count: int, *, within_s: float = 5.0) -> None:
        await self.until(lambda listener: len(listener.events) >= count, within_s=within_s)

    async def take(self, answer: httpx.Response) -> None:
        event: dict[str, str] = {}
        try:
            async for line in lines(answer):
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, value = line.split(": ", 1)
                    event[name] = value
                elif event:
                    self.events.append(event)
                    event = {}
        except httpx.RemoteProtocolError:
            self.broken = True
        finally:
            self.ended.set()


async def lines(answer: httpx.Response) -> AsyncIterator[str]:
    """As browsers divide it: httpx would break a line at every character that Unicode thinks of as a line break."""
    rest = b""
    async for piece in answer.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


@asynccontextmanager
async def listening(
    house: House, headers: dict[str, str], *, since: str | None = None, url: str | None = None
) -> AsyncIterator[Listener]:
    """A stream that is open and read until the block is left."""
    sent = {**headers, **({"Last-Event-ID": since} if since is not None else {})}
    async with house.http.stream("GET", f"{url or house.urls['installation']}{STREAM}", headers=sent) as answer:
        assert answer.status_code == 200, await answer.aread()
        listener = Listener(answer.headers)
        taking = asyncio.create_task(listener.take(answer))
        try:
            yield listener
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


@dataclass
class Home:
    """A player and several installations: each cat may speak once a second."""

    house: House
    player: Person
    cats: Sequence[dict[str, str]]

    async def send(self, cat: int, title: str, *, url: str | None = None, **more: Any) -> dict[str, Any]:
        target = f"{url or self.house.urls['installation']}/api/v1/cat/notifications"
        body = {"title": title, "body": "Come home.", **more}
        answer = await self.house.http.post(target, json=body, headers=self.cats[cat])
        assert answer.status_code == 201, answer.text
        sent: dict[str, Any] = answer.json()
        return sent


async def home_of(house: House, player: Person | None = None, *, cats: int = 3) -> Home:
    player = player or await house.register()
    cat = await house.publish(await house.register("developer"))
    grants = {"storage": True, "notification": True}
    installed = [
        await house.install(player, cat, instance_name=f"Misty {number}", grants=grants) for number in range(cats)
    ]
    return Home(house, player, [token(each) for each in installed])


async def test_what_a_cat_sends_is_there_at_once_and_as_the_inbox_shows_it(house: House) -> None:
    home, other = await home_of(house), await home_of(house, cats=1)
    async with listening(house, home.player.headers) as listener, listening(house, other.player.headers) as stranger:
        assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert listener.headers["cache-control"] == "no-store"
        assert listener.headers["x-accel-buffering"] == "no"
        sent = await home.send(0, "Dinner\r\n\r\nevent: x", data={"bowl": [2, None, "ü\u2028🐈"]})
        await listener.hears(1, within_s=1)
        await home.send(1, "Later")
        await listener.hears(2, within_s=1)
        (second, first) = (await house.call("installation", "GET", "/api/v1/notifications", person=home.player)).json()[
            "items"
        ]
        assert [event["event"] for event in listener.events] == ["notification"] * 2
        assert [event["id"] for event in listener.events] == [first["id"], second["id"]]
        assert [json.loads(event["data"]) for event in listener.events] == [first, second]
        assert first == sent
        await other.send(0, "For somebody else")
        await stranger.hears(1)
        assert (stranger.titles, len(listener.events)) == (["For somebody else"], 2)


@directly
async def test_silence_is_filled_with_comments(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "COMMENT_S", 0.1)
    home = await home_of(house, cats=1)
    async with listening(house, home.player.headers) as listener:
        await listener.until(lambda listener: listener.comments >= 3)
        await home.send(0, "Between them")
        await listener.hears(1)


async def test_who_comes_back_misses_nothing(house: House) -> None:
    home = await home_of(house)
    async with listening(house, home.player.headers) as listener:
        first, second = await home.send(0, "first"), await home.send(1, "second")
        await listener.hears(2)
    missed = await home.send(2, "missed")
    long_ago = update(Notification).where(Notification.id == uuid.UUID(first["id"]))
    await house.execute(long_ago.values(created_at=func.now() - text("interval '90 seconds'")))
    async with listening(house, home.player.headers, since=second["id"]) as listener:
        await listener.hears(2)
        assert [event["id"] for event in listener.events] == [second["id"], missed["id"]]
    async with listening(house, home.player.headers, since=first["id"]) as listener:
        await listener.hears(3)
        await asyncio.sleep(0.2)
        assert listener.titles == ["first", "second", "missed"]


async def test_what_the_player_does_not_want_to_be_told_is_not_caught_up(house: House) -> None:
    home = await home_of(house)
    first, silent = await home.send(0, "first"), await home.send(1, "silent")
    as_if_unwanted = update(Notification).where(Notification.id == uuid.UUID(silent["id"]))
    await house.execute(as_if_unwanted.values(read_at=Notification.created_at))
    await house.call("installation", "POST", f"/api/v1/notifications/{first['id']}/read", person=home.player)
    await home.send(2, "last")
    async with listening(house, home.player.headers, since=first["id"]) as listener:
        await listener.hears(2)
        assert listener.titles == ["first", "last"]


async def test_of_very_many_the_newest_come(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_CAUGHT_UP", 2)
    home = await home_of(house)
    sent = [await home.send(number, str(number)) for number in range(3)]
    async with listening(house, home.player.headers, since=sent[0]["id"]) as listener:
        await listener.hears(2)
        assert listener.titles == ["1", "2"]


async def test_an_id_that_means_nothing_is_no_error(house: House) -> None:
    home, other = await home_of(house, cats=7), await home_of(house, cats=1)
    await home.send(6, "before")
    theirs = await other.send(0, "theirs")
    for number, since in enumerate((theirs["id"], str(uuid.uuid4()), "x" * 300, "", "%00", "urn:")):
        async with listening(house, home.player.headers, since=since) as listener:
            title = f"after {number}"
            await home.send(number, title)
            await listener.hears(1)
            await asyncio.sleep(0.1)
            assert listener.titles == [title]


@pytest.mark.parametrize("stop_at", [stop_before, stop_after])
async def test_nothing_is_lost_between_what_was_missed_and_what_is_new(
    house: House, monkeypatch: pytest.MonkeyPatch, stop_at: Any
) -> None:
    home = await home_of(house, cats=6)
    first = await home.send(0, "0")
    gap = stop_at(monkeypatch, f"{REPOSITORY}.notifications_since")

    async def listen_on() -> list[str]:
        async with listening(house, home.player.headers, since=first["id"]) as listener:
            await home.send(5, "5")
            await listener.hears(6)
            await asyncio.sleep(0.2)
            return listener.titles

    listens = asyncio.create_task(listen_on())
    await gap.reached()
    for number in range(1, 5):
        await home.send(number, str(number))
    gap.go_on()
    assert await listens == ["0", "1", "2", "3", "4", "5"]


async def test_nothing_is_lost_while_many_send_and_streams_come_and_go(house: House) -> None:
    home = await home_of(house, cats=8)
    first = await home.send(0, "0")

    async def speak(cat: int) -> None:
        await asyncio.sleep(cat * 0.03)
        await home.send(cat, str(cat))

    speaking = [asyncio.create_task(speak(cat)) for cat in range(1, 8)]
    heard = []
    for _ in range(8):
        async with listening(house, home.player.headers, since=first["id"]) as listener:
            await asyncio.sleep(0.03)
            heard.append(listener)
    await asyncio.gather(*speaking)
    async with listening(house, home.player.headers, since=first["id"]) as listener:
        await listener.hears(8)
        assert sorted(listener.titles) == [str(number) for number in range(8)]
    for each in heard:
        assert len(set(each.titles)) == len(each.titles)


@directly
async def test_the_stream_ends_with_the_token(house: House) -> None:
    signer = await signer_of(house)
    now = int(time.time())
    made = signer.sign(signer.header, {**signer.claims, "iat": now - 5, "exp": now + 2})
    with capture_logs() as logs:
        async with listening(house, {"Authorization": f"Bearer {made}"}) as listener:
            async with asyncio.timeout(5):
                await listener.ended.wait()
            assert now + 1.9 <= time.time() <= now + 3
            assert not listener.broken
        await asyncio.sleep(0.05)
    (line,) = [line for line in logs if line["event"] == "request" and line["route"] == STREAM]
    assert line["status"] == 200
    assert line["duration_ms"] < 500  # it was not slow
    assert line["stream_s"] > 0.5
    metrics = (await house.call("installation", "GET", "/metrics")).text
    (total,) = [each for each in metrics.splitlines() if "seconds_sum" in each and STREAM in each]
    assert float(total.split()[-1]) < 0.5


@directly
async def test_who_may_not_listen_is_told_so_in_a_problem(house: House) -> None:
    refused = await house.call("installation", "GET", STREAM, expect=401)
    assert refused.headers["content-type"] == "application/problem+json"
    expired = await signer_of(house)
    now = int(time.time())
    made = expired.sign(expired.header, {**expired.claims, "iat": now - 100, "exp": now - 40})
    headers = {"Authorization": f"Bearer {made}"}
    await house.call("installation", "GET", STREAM, headers=headers, expect=401)


@directly
async def test_a_player_has_so_many_streams_and_one_that_is_left_makes_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_OF_A_PROCESS", streams.MOST_OF_A_PLAYER + 1)
    player, other, third = [await house.register() for _ in range(3)]
    async with AsyncExitStack() as stack:
        for _ in range(streams.MOST_OF_A_PLAYER - 1):
            await stack.enter_async_context(listening(house, player.headers))
        async with listening(house, player.headers):
            refused = await house.call("installation", "GET", STREAM, person=player, expect=429)
            assert refused.json()["code"] == "too_many_streams"
            assert int(refused.headers["retry-after"]) > 0
            await stack.enter_async_context(listening(house, other.headers))
            await house.call("installation", "GET", STREAM, person=third, expect=429)
        await asyncio.sleep(0.1)
        await stack.enter_async_context(listening(house, player.headers))
        await house.call("installation", "GET", STREAM, person=player, expect=429)


async def test_streams_hold_no_connection_to_the_database(house: House) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(5):
            person = await house.register()
            for _ in range(10):
                await stack.enter_async_context(listening(house, person.headers, since=str(uuid.uuid4())))
        await asyncio.sleep(0.1)
        pool = (await house.call("installation", "GET", "/health/db")).json()["pool"]
        assert (pool["in_use"], pool["waiting"]) == (0, 0)
        with house.engine.connect() as connection:
            busy = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = 'cathouse_installation_login' AND state <> 'idle'"
            )
            assert connection.scalar(busy) == 0


@directly
async def test_a_client_that_does_not_read_is_cut_off_and_holds_nobody_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "LARGEST_DATA", 1_000_000)  # so that a few fill what systems hold for a client
    home = await home_of(house, cats=12)
    address = urlsplit(house.urls["installation"])
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the system reads megabytes for it
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, (address.hostname, address.port))
    ask = f"GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: {home.player.headers['Authorization']}\r\n\r\n"
    await loop.sock_sendall(deaf, ask.encode())
    with capture_logs() as logs:
        async with listening(house, home.player.headers) as listener:
            for number in range(12):
                await home.send(number, str(number), data="x" * 900_000)
                await listener.hears(number + 1, within_s=3)
            async with asyncio.timeout(5):
                while not [line for line in logs if line.get("status") == 499]:  # noqa: ASYNC110 - the log is looked at
                    await asyncio.sleep(0.05)
        assert [line["event"] for line in logs if "does_not_read" in line["event"]]
    received = b""
    async with asyncio.timeout(10):
        while piece := await loop.sock_recv(deaf, 1 << 20):
            received += piece
    deaf.close()
    assert received.startswith(b"HTTP/1.1 200 ")
    assert not received.endswith(b"0\r\n\r\n")  # cut off, so that nobody takes it for whole
    assert received.count(b"event: notification") < 12


def second_process(house: House, database: DatabaseUrl, **changes: Any) -> Any:
    """installation-service once more, beside the house's own."""
    ports = {service: urlsplit(url).port or 0 for service, url in house.urls.items()}
    return serve(create_service("installation", settings_for("installation", database, ports, **changes)))


async def test_streams_end_before_the_service_does(clean_db: DatabaseUrl) -> None:
    async with run_house(clean_db) as house:
        player = await house.register()
        async with AsyncExitStack() as stack:
            async with second_process(house, clean_db) as url:
                listeners = [
                    await stack.enter_async_context(listening(house, player.headers, url=url)) for _ in range(3)
                ]
                begun = time.monotonic()
            assert time.monotonic() - begun < 1
            for listener in listeners:
                await listener.until(lambda listener: listener.ended.is_set())
                assert not listener.broken


@pytest.mark.processes
async def test_a_process_with_open_streams_ends_at_once(clean_db: DatabaseUrl, tmp_path: Path) -> None:
    with listen() as reserved:
        port = port_of(reserved)
    url = f"http://127.0.0.1:{port}"
    async with run_house(clean_db) as house:
        player = await house.register()
        environment = plain_environment() | {
            "INSTALLATION_PORT": str(port),
            "AUTH_URL": house.urls["auth"],
            "DATABASE_URL": role_url("installation", clean_db).for_libpq(),
            "PLATFORM_SECRET": PLATFORM_SECRET,
        }
        log = tmp_path / "log"
        child = start("service", ("-m", "installation_service"), environment, ready_url=f"{url}/health/ready", log=log)
        try:
            await asyncio.to_thread(wait_until_ready, [child])
            async with listening(house, player.headers, url=url) as listener:
                begun = time.monotonic()
                child.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(child.process.wait, 10)
                assert time.monotonic() - begun < 2  # its SHUTDOWN_TIMEOUT is four seconds
                await listener.until(lambda listener: listener.ended.is_set())
                assert not listener.broken
        finally:
            await asyncio.to_thread(stop, [child])
    assert "Traceback" not in log.read_text()
    assert '"error"' not in log.read_text()


async def test_an_open_stream_of_a_single_replica_asks_nothing(clean_db: DatabaseUrl) -> None:
    idle_after_s = 1.0
    async with (
        relay_to(server_url()) as relay,
        run_house(clean_db, through=relay.url, db_idle_after=idle_after_s) as house,
    ):
        home = await home_of(house, cats=1)
        async with listening(house, home.player.headers) as listener:
            await asyncio.sleep(idle_after_s + 0.5)
            counted = relay.round_trips.copy()
            assert counted["cathouse_installation_login"] > 0
            await asyncio.sleep(2.5)
            assert relay.round_trips == counted
            await home.send(0, "awake")
            await listener.hears(1)


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
            await near.hears(1, within_s=1)
            await far.hears(1, within_s=2)
            await home.send(1, "two", url=second)
            await far.hears(2, within_s=1)
            await near.hears(2, within_s=2)
            async with listening(house, home.player.headers, url=second, since=far.events[0]["id"]) as late:
                await asyncio.sleep(1)
                assert late.titles == ["before", "one", "two"]
                await home.send(2, "three")
                await late.hears(4, within_s=2)
            polls.fails = True
            await home.send(3, "four")
            await asyncio.sleep(1)
            polls.fails = False
            await far.hears(4, within_s=5)
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
            assert 3 <= polls.count - counted <= 6
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
            await listener.hears(1, within_s=3)
            await asyncio.sleep(1)
            assert listener.titles == ["late"]
