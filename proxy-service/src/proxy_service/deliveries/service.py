"""The rules of challenges (an endpoint proves who speaks for it) and of deliveries (a cat is told what happened)."""

import json
import secrets
import time
import uuid

from cathouse.database import AnyRow, Database
from cathouse.identity import Keyring
from cathouse.schema import CatStatus
from proxy_service.deliveries import repository
from proxy_service.deliveries.callbacks import Callbacks
from proxy_service.deliveries.envelopes import CatIdentity, envelope, installation_parts, message_id_of, new_message_id
from proxy_service.deliveries.errors import ReleaseNotFoundError
from proxy_service.deliveries.schemas import ChallengeResult, DeliveryRequest, DeliveryResult
from proxy_service.deliveries.signatures import SigningState, signed_headers
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import EgressError

GONE = 410
"""With this status a cat says that it wants to hear no more."""


def signing_state(row: AnyRow) -> SigningState:
    """What a cat's secrets are derived from, out of a row that has its columns."""
    return SigningState(
        cat_id=row.cat_id,
        root_id=row.signing_root,
        version=row.signing_secret_version,
        previous_root_id=row.previous_signing_root,
        rotated_at=row.signing_secret_rotated_at,
    )


class ChallengeService:
    """Challenges endpoints."""

    def __init__(self, database: Database, outside: OutsideClient, signing_keys: Keyring) -> None:
        self._database = database
        self._outside = outside
        self._signing_keys = signing_keys

    async def challenge(self, release_id: uuid.UUID) -> ChallengeResult:
        """Send a signed random string to the release's endpoint; it must come back.

        Raises:
            ReleaseNotFoundError, SigningRootRetiredError: nothing was sent.
        """
        release = await self._database.read(lambda session: repository.find_release(session, release_id))
        if release is None:
            raise ReleaseNotFoundError
        expected = secrets.token_urlsafe(32)
        message_id = new_message_id()
        body = envelope(message_id, "challenge", CatIdentity(release.cat_id, release.version), challenge=expected)
        headers = signed_headers(self._signing_keys, signing_state(release), message_id=message_id, body=body)
        try:
            async with self._outside.post(release.endpoint_url, body, headers, timeout_s=release.timeout_s) as answer:
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

    def __init__(
        self, database: Database, outside: OutsideClient, *, signing_keys: Keyring, callbacks: Callbacks
    ) -> None:
        self._database = database
        self._outside = outside
        self._signing_keys = signing_keys
        self._callbacks = callbacks

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
        return await self._send(target, delivery)

    async def _send(self, target: AnyRow, delivery: DeliveryRequest) -> DeliveryResult:
        message_id = message_id_of(delivery.event_id)
        body = envelope(
            message_id,
            delivery.event,
            CatIdentity(target.cat_id, target.version),
            created_at=delivery.created_at,
            **installation_parts(target),
            callback=self._callbacks.offer(target),
        )
        headers = signed_headers(self._signing_keys, signing_state(target), message_id=message_id, body=body)
        started = time.monotonic()
        proxy_error = None
        try:
            async with self._outside.post(target.endpoint_url, body, headers, timeout_s=target.timeout_s) as answer:
                status: int | None = answer.status
                await answer.discard()
        except EgressError as error:
            status, proxy_error = error.received_status, error.proxy_error
        return DeliveryResult(
            status_code=status,
            proxy_error=proxy_error,
            duration_ms=int((time.monotonic() - started) * 1000),
            acknowledged=proxy_error is None and status is not None and 200 <= status < 300,
            give_up=status == GONE,
        )


def _unsent(proxy_error: str, *, give_up: bool = False) -> DeliveryResult:
    return DeliveryResult(status_code=None, proxy_error=proxy_error, duration_ms=0, acknowledged=False, give_up=give_up)
