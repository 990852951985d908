"""Counts that the replicas of a service share through Redis, and what becomes of them while it is away."""

import asyncio
import hashlib
from typing import Self

import structlog
from limits.aio.storage import RedisStorage

from cathouse.web.limits.memory import BoundedMemoryStorage
from cathouse.web.limits.rates import Allowance, Limiter, Rates
from cathouse.web.limits.redis_server import TIMEOUT_S, RedisServer

LONGEST_WAIT_S = 2 * TIMEOUT_S
"""For all that one call asks of Redis, a new connection included."""

LOOK_AGAIN_S = 1.0
"""Between two looks whether Redis is back; made beside the requests, so that none of them waits for it."""

_HIDDEN_BYTES = 16

_logger = structlog.get_logger(__name__)


class SharedLimiter(Limiter):
    """Counts in Redis; while Redis is away each process counts by itself, from nothing.

    A request never fails because of Redis. Those that are under way when it goes wait :data:`LONGEST_WAIT_S` at most;
    from then on nobody asks it until a look beside the requests has found it willing to count again.

    The windows go by the machines' time of day, so their clocks have to agree (NTP's few milliseconds do no harm).
    """

    def __init__(self, server: RedisServer, *, service: str, secret: bytes) -> None:
        """Nothing is opened yet: see :meth:`open`."""
        super().__init__(BoundedMemoryStorage())
        self._server = server
        self._secret = secret
        self._connections = server.connections()
        self._storage = RedisStorage(
            "redis://",
            implementation="redispy",
            key_prefix=f"cathouse:limits:{service}",
            connection_pool=self._connections,  # type: ignore[arg-type]  # what the library looks for there
        )
        self._shared = Limiter(self._storage)
        self._failures = _failures(self._storage)
        self._is_shared = False
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, server: RedisServer, *, service: str, secret: bytes) -> Self:
        """Begin, and say in the log whether Redis counts; its absence keeps nobody from starting.

        Counts are shared by those who have the same ``service`` and ``secret``. Redis is not told whom it counts: a key
        may be a person's address, and the 2³² of IPv4 are soon tried out. So it gets a hash under ``secret``.
        """
        limiter = cls(server, service=service, secret=secret)
        failure = await limiter._try_to_count()
        if failure is None:
            limiter._count_together()
        else:
            limiter._count_alone(failure)
        return limiter

    @property
    def is_shared(self) -> bool:
        """Whether it is Redis that counts at this moment."""
        return self._is_shared

    async def close(self) -> None:
        """Close the connections; calls that still come are counted in this process."""
        self._is_shared = False
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._connections.disconnect()

    async def hit(self, key: str, rates: Rates) -> Allowance | None:
        """Count a call, as :meth:`Limiter.hit` does."""
        if self._is_shared and rates:
            try:
                async with asyncio.timeout(LONGEST_WAIT_S):
                    return await self._shared.hit(self._hidden(key), rates)
            except self._failures as failure:
                if self._is_shared:  # else the first of those that were under way has said it
                    self._count_alone(failure)
        return await super().hit(key, rates)

    def _hidden(self, key: str) -> str:
        return hashlib.blake2s(key.encode(), key=self._secret, digest_size=_HIDDEN_BYTES).hexdigest()

    def _count_together(self) -> None:
        self._is_shared = True
        _logger.info("limits.shared", redis=repr(self._server))

    def _count_alone(self, failure: Exception) -> None:
        self._is_shared = False
        _logger.warning(
            "limits.not_shared",
            redis=repr(self._server),
            # Not its text: a server that does not know a command repeats it, with the password in it.
            cause=type(failure).__name__,
            advice="each process counts by itself until the Redis of REDIS_URL counts again; it is tried every second",
        )
        self._looking = asyncio.create_task(self._look(), name="limits")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            if await self._try_to_count() is None:
                return self._count_together()

    async def _try_to_count(self) -> Exception | None:
        """Count a call of nobody: a Redis that is full, or follows another, answers a PING and does not count."""
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._storage.acquire_entry("nobody", 1, 1)
        except self._failures as failure:
            return failure
        return None


def _failures(storage: RedisStorage) -> tuple[type[Exception], ...]:
    own = storage.base_exceptions
    return (OSError, *(own if isinstance(own, tuple) else (own,)))
