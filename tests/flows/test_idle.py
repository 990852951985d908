"""Idle means idle: whoever asks only how we are does not keep a serverless database awake."""

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth_service.signing_keys import service as signing_keys
from cathouse.database import DatabaseUrl, Idleness, Worker
from cathouse.identity import KeyUse, derive, parse_roots
from cathouse.web import SERVICES, ServiceClient
from installation_service.activity import uses
from proxy_service import reports
from proxy_service.reports import InteractionReporter
from tests.fixtures.house import PLATFORM_SECRET, House, run_house
from tests.fixtures.relay import relay_to
from tests.fixtures.server import server_url
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until
from tests.proxy.reports import report

IDLE_AFTER_S = 1.0
WATCHED_FOR_S = 2.0
PROBES = ("/health", "/health/ready", "/api/v1/health", "/metrics")


async def probe(house: House) -> None:
    """What machines ask, again and again."""
    for service in SERVICES:
        for path in PROBES:
            await house.call(service, "GET", path)
    await house.call("auth", "GET", "/.well-known/jwks.json")


@pytest.fixture
def hasty_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker looks again five times a second: one that does not mind idleness is seen while it is watched."""
    begin = Worker.__init__

    def hasty(*args: Any, **times: Any) -> None:
        begin(*args, **times | {"look_again_s": 0.2, "first_after_s": 0.0})

    monkeypatch.setattr(Worker, "__init__", hasty)


async def test_no_query_reaches_the_database_of_idle_services(
    clean_db: DatabaseUrl, hasty_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "LOOK_AGAIN_S", 0.1)
    monkeypatch.setattr(signing_keys, "RELOAD_AFTER_S", 0.1)  # keys would be read again with each probe
    # What was gathered from the requests is written long before a service is idle: as with idleness after minutes.
    monkeypatch.setattr(reports, "GATHER_S", 0.1)
    monkeypatch.setattr(uses, "GATHER_S", 0.1)
    async with (
        relay_to(server_url()) as relay,
        run_house(clean_db, through=relay.url, db_idle_after=IDLE_AFTER_S) as house,
    ):
        developer, player = await house.register("developer"), await house.register()
        installed = await house.install(player, await house.publish(developer))
        await house.interact(player, installed, "hello")
        await until(lambda: interactions(house) == 1)
        assert set(relay.round_trips) == {f"cathouse_{service}_login" for service in SERVICES}
        before = relay.total()
        await probe(house)
        assert relay.total() > before  # not idle yet: the count can rise

        await asyncio.sleep(IDLE_AFTER_S + 0.2)
        counted = relay.round_trips.copy()
        ends = time.monotonic() + WATCHED_FOR_S
        while time.monotonic() < ends:
            await probe(house)
        asking = {user: count - counted[user] for user, count in relay.round_trips.items() if count != counted[user]}
        assert not asking, "round trips of services that nobody asks anything: what asks for them by itself?"

        relay.cut()  # the database suspends
        await probe(house)
        await house.interact(player, installed, "are you there?")
        assert relay.round_trips["cathouse_proxy_login"] > counted["cathouse_proxy_login"]
        await until(lambda: interactions(house) == 2)


def interactions(house: House) -> int:
    """How many were reported."""
    with house.engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM cathouse.interactions")) or 0)


async def test_what_could_not_be_reported_waits_for_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "GATHER_S", 0.01)
    status, arrived = 503, 0

    async def receive(_request: Request) -> Response:
        nonlocal arrived
        arrived += 1
        return Response(status_code=status)

    app = Starlette(routes=[Route("/internal/v1/interactions", receive, methods=["POST"])])
    async with serve(app) as url:
        key = derive(parse_roots(PLATFORM_SECRET), KeyUse.PROXY_TO_INSTALLATION)
        client = ServiceClient(caller="proxy", callee="installation", base_url=url, keys=key, timeout_s=2)
        idleness = Idleness(0.3)
        reporter = InteractionReporter(client, idleness)
        reporter.start()
        reporter.add(report(1))
        async with asyncio.timeout(20):
            while arrived < 2:  # it is tried again while somebody is served
                idleness.served()
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.6)
        seen = arrived
        await asyncio.sleep(0.6)
        assert arrived == seen
        status = 204
        idleness.served()
        await until(lambda: arrived > seen)
        await reporter.close()
        assert reporter.dropped == 0
        await client.close()
