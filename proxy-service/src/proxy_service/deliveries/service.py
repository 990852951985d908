"""The rules of challenges (an endpoint proves who speaks for it) and of deliveries (a cat is told what happened)."""

import json
import secrets
import time
import uuid

from cathouse.database import Database
from cathouse.schema import CatStatus
from proxy_service.deliveries.errors import ReleaseNotFoundError
from proxy_service.deliveries.schemas import ChallengeResult, DeliveryRequest, DeliveryResult
from proxy_service.egress.breakers import Breakers, Passage
from proxy_service.egress.errors import EgressError, RefusedCallError
from proxy_service.egress.shares import Shares
from proxy_service.messages import repository
from proxy_service.messages.envelopes import message_id_of
from proxy_service.messages.messenger import Message, Messenger

GONE = 410
"""With this status a cat says that it wants to hear no more."""

MOST_FOR_CAT = 5
MOST_IN_ALL = 100
"""Deliveries at once, beside what players say: a cat that hangs in many homes keeps no other from being told."""


class ChallengeService:
    """Challenges endpoints."""

    def __init__(self, database: Database, messenger: Messenger) -> None:
        self._database = database
        self._messenger = messenger

    async def challenge(self, release_id: uuid.UUID) -> ChallengeResult:
        """Send a signed random string to the release's endpoint; it must come back.

        Raises:
            ReleaseNotFoundError, SigningRootRetiredError: nothing was sent.
        """
        release = await self._database.read(lambda session: repository.find_release(session, release_id))
        if release is None:
            raise ReleaseNotFoundError
        expected = secrets.token_urlsafe(32)
        message = self._messenger.about_release(release, "challenge", challenge=expected)
        try:
            async with self._messenger.send(message) as answer:
                status, cause = answer.status, _fault(await answer.read(), answer.status, expected)
        except EgressError as error:
            return ChallengeResult(ok=False, status_code=None, cause=error.cause)
        return ChallengeResult(ok=cause is None, status_code=status, cause=cause)


def _fault(body: bytes, status: int, expected: str) -> str | None:
    if status != 200:
        return f"The endpoint answered with status {status}; 200 is expected."
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return 'The endpoint did not answer with JSON; {"challenge": "…"} is expected.'
    if not isinstance(answer, dict) or answer.get("challenge") != expected:
        return "The endpoint did not send the challenge back as it came."
    return None


class DeliveryService:
    """Tells cats what becomes of their installations, one attempt at a time.

    When to try again, and for how long, is the caller's to decide. No database connection is held while a cat is
    waited for.
    """

    def __init__(self, database: Database, messenger: Messenger, breakers: Breakers) -> None:
        self._database = database
        self._messenger = messenger
        self._breakers = breakers
        self._shares = Shares(cat=MOST_FOR_CAT, total=MOST_IN_ALL)

    async def deliver(self, delivery: DeliveryRequest) -> DeliveryResult:
        """Tell the cat, with a signature and a token of this attempt, and return what came of it.

        Raises:
            SigningRootRetiredError: nothing was sent.
        """
        target = await self._database.read(lambda session: repository.find_target(session, delivery.installation_id))
        if target is None:
            return _unsent("unknown_installation", give_up=True)
        if target.cat_status == CatStatus.SUSPENDED:
            return _unsent("cat_suspended")
        if target.release_id is None:
            return _unsent("no_release")
        message = self._messenger.about_installation(
            target, delivery.event, message_id=message_id_of(delivery.event_id), created_at=delivery.created_at
        )
        try:
            with (
                self._shares.hold(target.cat_id),
                self._breakers.passage(target.cat_id) as passage,
            ):
                return await self._send(message, passage)
        except RefusedCallError as error:
            return _unsent(error.code, retry_after_s=error.retry_after_s)

    async def _send(self, message: Message, passage: Passage) -> DeliveryResult:
        started = time.monotonic()
        proxy_error = None
        try:
            async with self._messenger.send(message) as answer:
                status: int | None = answer.status
                await answer.discard()
            passage.succeeded()
        except EgressError as error:
            passage.failed(error)
            status, proxy_error = error.received_status, error.proxy_error
        return DeliveryResult(
            status_code=status,
            proxy_error=proxy_error,
            duration_ms=int((time.monotonic() - started) * 1000),
            acknowledged=proxy_error is None and status is not None and 200 <= status < 300,
            give_up=status == GONE,
            retry_after_s=None,
        )


def _unsent(proxy_error: str, *, give_up: bool = False, retry_after_s: int | None = None) -> DeliveryResult:
    return DeliveryResult(
        status_code=None,
        proxy_error=proxy_error,
        duration_ms=0,
        acknowledged=False,
        give_up=give_up,
        retry_after_s=retry_after_s,
    )
