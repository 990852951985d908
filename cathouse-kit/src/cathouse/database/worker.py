"""Work that a process does beside its requests: what is written down as due, at once or when its time comes."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cathouse.database.idleness import Idleness
from cathouse.errors import ServiceError

LOOK_AGAIN_S = 60.0
"""Seconds after which a serving process looks for work that another one has left undone."""

_FIRST_PAUSE_S = 1.0

_logger = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[float | None]]
"""Does what is due and returns the seconds until something is due again; None when nothing is known to be."""


class Worker:
    """Calls ``work`` when it is woken, when something falls due, and now and then while the process serves.

    In an idle process what falls due waits for the next request, so that the database can suspend. What ``work``
    raises is logged, and it is called again after a pause that doubles; so it must be safe to repeat.
    """

    def __init__(
        self,
        name: str,
        work: Work,
        idleness: Idleness,
        *,
        look_again_s: float = LOOK_AGAIN_S,
        first_after_s: float = 0.0,
        grace_s: float = 0.0,
    ) -> None:
        """``name`` is for the log; ``first_after_s`` puts the first look off.

        ``grace_s`` is what :meth:`close` gives to work that is under way, before it cancels it.
        """
        self.name = name
        self._work = work
        self._idleness = idleness
        self._look_again_s = look_again_s
        self._first_after_s = first_after_s
        self._grace_s = grace_s
        self._is_working = False
        self._is_closing = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """How often ``work`` raised something."""

    def start(self) -> None:
        """Begin with a look at what is due."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    def wake(self) -> None:
        """Tell it that there is something to do; never waits."""
        self._woken.set()

    async def close(self) -> None:
        """Stop, wherever it is when its grace is over: what was begun is found again by the next process."""
        self._is_closing = True
        if self._task is None:
            return
        if self._is_working:
            await asyncio.wait([self._task], timeout=self._grace_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        after_failure = _FIRST_PAUSE_S
        await self._wait(self._first_after_s)
        while not self._is_closing:
            await self._idleness.until_served()
            self._woken.clear()
            self._is_working = True
            try:
                due_in = await self._work()
            except Exception as error:
                self.failures += 1
                if isinstance(error, ServiceError):
                    _logger.warning("worker.failed", worker=self.name, code=error.code, retry_in_s=after_failure)
                else:
                    _logger.exception("worker.failed", worker=self.name, retry_in_s=after_failure)
                pause = after_failure
                after_failure = min(after_failure * 2, self._look_again_s)
            else:
                pause = self._look_again_s if due_in is None else min(max(due_in, 0.0), self._look_again_s)
                after_failure = _FIRST_PAUSE_S
            finally:
                self._is_working = False
            if not self._is_closing:
                await self._wait(pause)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
