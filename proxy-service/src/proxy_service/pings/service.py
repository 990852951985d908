"""The rules of pings."""

import time
import uuid

from cathouse.database import Database
from cathouse.schema import CatStatus
from cathouse.web import Limiter, Rates, parse_rates
from proxy_service.egress.errors import DestinationUnavailableError, EgressError
from proxy_service.egress.phases import Phases
from proxy_service.egress.shares import Shares
from proxy_service.interactions.errors import CatSuspendedError
from proxy_service.messages.messenger import Messenger
from proxy_service.pings import repository
from proxy_service.pings.errors import OwnCatNotFoundError
from proxy_service.pings.schemas import PingResult, Timings

RATES: Rates = parse_rates("10/minute")
"""For each cat: enough to try things out by hand, too little to press an endpoint with."""

MOST_FOR_CAT = 2
MOST_IN_ALL = 50
"""At once."""


class PingService:
    """Pings cats for their developers.

    Neither the breaker nor what others say to the cat plays a part: who looks for a fault wants to see it.
    """

    def __init__(self, database: Database, messenger: Messenger, limiter: Limiter) -> None:
        self._database = database
        self._messenger = messenger
        self._limiter = limiter
        self._shares = Shares(cat=MOST_FOR_CAT, total=MOST_IN_ALL)

    async def ping(self, developer_id: uuid.UUID, cat_id: uuid.UUID) -> PingResult:
        """Send a signed ping over a connection of its own to the cat's newest release, and say what came of it.

        Raises:
            OwnCatNotFoundError, CatSuspendedError, RateLimitedError, RefusedCallError, SigningRootRetiredError: nothing
                was sent.
        """
        release = await self._database.read(
            lambda session: repository.find_newest_release(session, cat_id, developer_id)
        )
        if release is None:
            raise OwnCatNotFoundError
        if release.cat_status == CatStatus.SUSPENDED:
            raise CatSuspendedError
        await self._limiter.hit(f"ping/{cat_id}", RATES)
        phases = Phases()
        status: int | None = None
        started = time.monotonic()
        with self._shares.hold(cat_id):
            try:
                async with self._messenger.send(
                    self._messenger.about_release(release, "ping"), phases=phases
                ) as answer:
                    status = answer.status
                    await answer.read()
                cause = _fault(status)
            except EgressError as error:
                status, cause = status or error.received_status, error.cause
                if isinstance(error, DestinationUnavailableError):
                    phases = Phases()  # which phase it was would tell the causes apart
        total = time.monotonic() - started
        return PingResult(ok=cause is None, status_code=status, timings=_timings(phases, total), cause=cause)


def _fault(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    cause = f"The endpoint answered with status {status}; any 2xx is expected."
    if status in (400, 403):
        cause += " If it refused the signature: compare its secret with the one that the catalog shows."
    return cause


def _timings(phases: Phases, total_s: float) -> Timings:
    return Timings(
        dns_ms=_milliseconds(phases.lookup),
        connect_ms=_milliseconds(phases.connect),
        tls_ms=_milliseconds(phases.tls),
        first_byte_ms=_milliseconds(phases.first_byte),
        total_ms=round(total_s * 1000, 1),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
