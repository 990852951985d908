"""Reports of interactions: none is lost lightly, and what is lost is counted."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from cathouse.database import Idleness
from cathouse.identity import KeyUse, derive, parse_roots
from cathouse.web import ServiceClient
from proxy_service import reports
from proxy_service.reports import InteractionReporter
from tests.fixtures.house import PLATFORM_SECRET
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until
from tests.proxy.reports import report


class Installation:
    """Where reports are sent to: takes them, says no, or says nothing."""

    def __init__(self) -> None:
        self.status = 204
        self.delay_s = 0.0
        self.calls = 0
        self.batches: list[list[int]] = []
        self.app = Starlette(routes=[Route("/internal/v1/interactions", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        self.calls += 1
        body: Mapping[str, Any] = await request.json()
        await asyncio.sleep(self.delay_s)
        if self.status == 204:
            self.batches.append([uuid.UUID(each["id"]).int for each in body["interactions"]])
        return Response(status_code=self.status)

    @property
    def taken(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


@pytest.fixture
async def installation() -> Installation:
    return Installation()


@asynccontextmanager
async def reporting(installation: Installation) -> AsyncIterator[InteractionReporter]:
    keys = derive(parse_roots(PLATFORM_SECRET), KeyUse.PROXY_TO_INSTALLATION)
    async with serve(installation.app) as url:
        client = ServiceClient(caller="proxy", callee="installation", base_url=url, keys=keys, timeout_s=5)
        reporter = InteractionReporter(client, Idleness())
        reporter.start()
        try:
            yield reporter
        finally:
            await reporter.close()
            await client.close()


async def test_they_come_in_batches_in_order(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "LARGEST_BATCH", 40)
    async with reporting(installation) as reporter:
        for number in range(100):
            reporter.add(report(number))
        await until(lambda: len(installation.taken) == 100)
    # The last batch comes once more when the end cuts off its answer.
    assert list(dict.fromkeys(installation.taken)) == list(range(100))
    assert [len(batch) for batch in installation.batches[:3]] == [40, 40, 20]


async def test_batches_that_are_full_follow_each_other_without_a_pause(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LARGEST_BATCH", 40)
    installation.delay_s = 0.05  # in which the pauses become so long that they would be noticed
    async with reporting(installation) as reporter:
        for number in range(130):
            reporter.add(report(number))
        await until(lambda: installation.calls == 1)
        monkeypatch.setattr(reports, "GATHER_S", 30)
        await until(lambda: len(installation.taken) >= 120)
    assert set(installation.taken) == set(range(130))


@pytest.mark.parametrize("status", [500, 503, 422])
async def test_what_was_not_taken_is_sent_again(installation: Installation, status: int) -> None:
    installation.status = status
    async with reporting(installation) as reporter:
        reporter.add(report(1))
        with capture_logs() as logs:
            await until(lambda: bool(logs))
        assert logs[0]["event"] == "interactions.reports_wait"
        assert (logs[0]["waiting"], logs[0]["dropped"], logs[0]["log_level"]) == (1, 0, "warning")
        installation.status = 204
        reporter.add(report(2))
        await until(lambda: installation.taken == [1, 2])
    assert reporter.dropped == 0


async def test_what_is_too_much_pushes_out_the_oldest_and_is_counted(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LARGEST_BACKLOG", 10)
    monkeypatch.setattr(reports, "GATHER_S", 30)
    async with reporting(installation) as reporter:
        with capture_logs() as logs:
            for number in range(25):
                reporter.add(report(number))
            assert reporter.dropped == 15
            await reporter.close()
    assert installation.taken == list(range(15, 25))
    assert {"event": "interactions.reports_dropped", "count": 15, "log_level": "warning"} in logs


async def test_what_waits_at_the_end_is_sent_also_while_a_batch_is_under_way(installation: Installation) -> None:
    installation.delay_s = 0.3
    async with reporting(installation) as reporter:
        reporter.add(report(1))
        await until(lambda: installation.calls == 1)
        reporter.add(report(2))
        await reporter.close()
    # The first batch was cut off and may have been taken: it came a second time rather than not at all.
    assert set(installation.taken) == {1, 2}


async def test_what_cannot_be_sent_at_the_end_is_counted_and_nobody_waits_for_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LAST_FLUSH_S", 0.3)
    installation.delay_s = 3
    async with reporting(installation) as reporter:
        reporter.add(report(1))
        started = asyncio.get_running_loop().time()
        with capture_logs() as logs:
            await reporter.close()
        assert asyncio.get_running_loop().time() - started < 2
    assert reporter.dropped == 1
    assert {"event": "interactions.reports_dropped", "count": 1, "log_level": "warning"} in logs
