"""Work beside the requests: done at once when woken, when it is due, now and then, and never in an idle process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cathouse.database import Idleness, Worker
from cathouse.database import worker as workers
from cathouse.errors import ServiceError
from tests.fixtures.waiting import until

LONG_S = 60.0


class Work:
    """Counts how often it is done; ``due_in`` is what it returns, ``error`` what it raises."""

    def __init__(self, *, due_in: float | None = None, error: Exception | None = None) -> None:
        self.times: list[float] = []
        self.due_in = due_in
        self.error = error
        self.lasts_s = 0.0
        self.finished = 0

    async def __call__(self) -> float | None:
        self.times.append(time.monotonic())
        await asyncio.sleep(self.lasts_s)
        self.finished += 1
        if self.error is not None:
            raise self.error
        return self.due_in


@asynccontextmanager
async def running(work: Work, idleness: Idleness | None = None, **timing: float) -> AsyncIterator[Worker]:
    worker = Worker("trial", work, idleness or Idleness(), **timing)
    worker.start()
    try:
        yield worker
    finally:
        await worker.close()


async def test_it_looks_once_at_the_start_and_then_waits() -> None:
    work = Work()
    async with running(work):
        await until(lambda: len(work.times) >= 1)
        await asyncio.sleep(0.1)
        assert len(work.times) == 1


async def test_the_first_look_can_be_put_off_and_waking_does_not_wait_for_it() -> None:
    work = Work()
    async with running(work, first_after_s=LONG_S) as worker:
        await asyncio.sleep(0.05)
        assert work.times == []
        worker.wake()
        await until(lambda: len(work.times) >= 1)


async def test_it_works_at_once_when_it_is_woken() -> None:
    work = Work()
    async with running(work) as worker:
        await until(lambda: len(work.times) >= 1)
        worker.wake()
        await until(lambda: len(work.times) >= 2)


async def test_what_wakes_it_while_it_works_is_not_lost() -> None:
    work = Work()
    work.lasts_s = 0.1
    async with running(work) as worker:
        await until(lambda: len(work.times) >= 1)
        worker.wake()
        worker.wake()
        await until(lambda: work.finished == 2)
        await asyncio.sleep(0.15)
        assert work.finished == 2


async def test_it_works_when_something_falls_due() -> None:
    work = Work(due_in=0.1)
    async with running(work):
        await until(lambda: len(work.times) >= 3)
    assert work.times[1] - work.times[0] >= 0.1


async def test_what_is_overdue_is_not_waited_for() -> None:
    work = Work(due_in=-5.0)
    async with running(work):
        await until(lambda: len(work.times) >= 10)


@pytest.mark.parametrize("due_in", [None, LONG_S])
async def test_it_looks_again_for_what_another_process_left_undone(due_in: float | None) -> None:
    work = Work(due_in=due_in)
    async with running(work, look_again_s=0.05):
        await until(lambda: len(work.times) >= 3)
    assert work.times[1] - work.times[0] >= 0.05


async def test_failures_are_logged_and_pauses_grow_up_to_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_FIRST_PAUSE_S", 0.02)
    work = Work(error=RuntimeError("something unexpected"))
    with capture_logs() as logs:
        async with running(work, look_again_s=0.1):
            await until(lambda: len(work.times) >= 5)
    assert [line["retry_in_s"] for line in logs][:4] == [0.02, 0.04, 0.08, 0.1]
    assert all((line["event"], line["worker"], line["exc_info"]) == ("worker.failed", "trial", True) for line in logs)


async def test_an_expected_failure_is_one_line_and_success_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_FIRST_PAUSE_S", 0.02)
    work = Work(error=ServiceError("away"), due_in=0.01)
    with capture_logs() as logs:
        async with running(work):
            await until(lambda: len(work.times) >= 3)
            work.error = None
            await until(lambda: len(work.times) >= 5)
            work.error = ServiceError("away again")
            seen = len(logs)
            await until(lambda: len(logs) > seen)
    assert logs[seen]["retry_in_s"] == 0.02
    assert {(line["log_level"], line["code"]) for line in logs} == {("warning", "internal_error")}
    assert not any("exc_info" in line for line in logs)


async def test_an_idle_process_works_again_with_the_next_request() -> None:
    idleness = Idleness(0.1)
    work = Work(due_in=0.02)
    async with running(work, idleness) as worker:
        await until(lambda: len(work.times) > 2)
        await asyncio.sleep(0.3)
        seen = len(work.times)
        await asyncio.sleep(0.2)
        assert len(work.times) == seen
        worker.wake()  # nobody is served: what is written down waits
        await asyncio.sleep(0.1)
        assert len(work.times) == seen
        idleness.served()
        await until(lambda: len(work.times) > seen)


async def test_a_process_that_went_idle_before_its_first_look_waits_as_well() -> None:
    work = Work()
    idleness = Idleness(0.05)
    async with running(work, idleness, first_after_s=0.2):
        await asyncio.sleep(0.4)
        assert work.times == []
        idleness.served()
        await until(lambda: len(work.times) >= 1)


async def test_closing_cancels_work_without_grace_and_ends_waiting() -> None:
    work = Work()
    work.lasts_s = LONG_S
    async with running(work) as worker:
        await until(lambda: len(work.times) >= 1)
        async with asyncio.timeout(5):
            await worker.close()
        assert work.finished == 0
        worker.wake()
        await asyncio.sleep(0.05)
        assert len(work.times) == 1


async def test_closing_lets_work_finish_within_its_grace_and_begins_none() -> None:
    work = Work(due_in=0.0)
    work.lasts_s = 0.2
    async with running(work, grace_s=10.0) as worker:
        await until(lambda: len(work.times) >= 1)
        async with asyncio.timeout(5):
            await worker.close()
        assert (work.finished, len(work.times)) == (1, 1)


async def test_grace_ends() -> None:
    work = Work()
    work.lasts_s = LONG_S
    async with running(work, grace_s=0.1) as worker:
        await until(lambda: len(work.times) >= 1)
        async with asyncio.timeout(5):
            await worker.close()
    assert work.finished == 0


async def test_closing_what_never_started_is_nothing() -> None:
    await Worker("trial", Work(), Idleness()).close()
