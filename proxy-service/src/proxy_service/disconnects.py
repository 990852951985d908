"""Whoever asked may go away: what is done for them ends at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

T = TypeVar("T")

WATCHED_AFTER_S = 0.02
"""Nobody watches whether the client goes away before this: most answers are there sooner, and a task costs more than
what it could save."""


async def unless_client_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Run ``work``, but end it (and with it the call to the outside) at once when the client goes away.

    The request's body must have been read.

    Raises:
        ClientDisconnect: when it did.
    """
    watch = _Watch(request)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.has_cancelled():
            raise ClientDisconnect from None
        raise
    finally:
        await watch.end()


class _Watch:
    """Cancels the task that it is made in when the client goes away."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._working = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._has_left = False
        self._timer = asyncio.get_running_loop().call_later(WATCHED_AFTER_S, self._begin)

    def has_cancelled(self) -> bool:
        """Whether the task was cancelled by this alone, and by nobody else as well."""
        return self._has_left and self._working is not None and self._working.uncancel() == 0

    async def end(self) -> None:
        """Leave the request's channel to others."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        if self._working is not None and not self._working.done():
            self._has_left = True
            self._working.cancel()
