"""The rules of challenges: an endpoint proves that it is there and that its owner speaks for it."""

import json
import secrets
import uuid

from cathouse.database import AnyRow, Database
from cathouse.identity import Keyring
from proxy_service.deliveries import repository
from proxy_service.deliveries.envelopes import CatIdentity, envelope, new_message_id
from proxy_service.deliveries.errors import ReleaseNotFoundError
from proxy_service.deliveries.schemas import ChallengeResult
from proxy_service.deliveries.signatures import SigningState, signed_headers
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import EgressError


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
