"""Signing what we send to a cat, and checking what a cat has signed, as Standard Webhooks 1.0 wants it."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from standardwebhooks import Webhook, WebhookVerificationError

from cathouse.database import AnyRow
from cathouse.identity import CAT_SECRET_OVERLAP, Keyring, SigningRootRetiredError, cat_signing_secret


@dataclass(frozen=True, slots=True)
class SigningState:
    """What a cat's secrets are derived from."""

    cat_id: uuid.UUID
    root_id: str
    version: int
    previous_root_id: str | None
    rotated_at: dt.datetime | None

    @classmethod
    def of(cls, row: AnyRow) -> Self:
        """From a row of ``repository.select_targets`` or ``select_releases``."""
        return cls(
            cat_id=row.cat_id,
            root_id=row.signing_root,
            version=row.signing_secret_version,
            previous_root_id=row.previous_signing_root,
            rotated_at=row.signing_secret_rotated_at,
        )


def signed_headers(keys: Keyring, state: SigningState, *, message_id: str, body: bytes) -> dict[str, str]:
    """The three headers of a signed message. During a rotation it is signed with both secrets.

    Raises:
        SigningRootRetiredError: when the root that the cat's secret came from is not configured any more.
    """
    now = dt.datetime.now(dt.UTC)
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, now, text) for secret in _secrets(keys, state, now)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def is_signed(keys: Keyring, state: SigningState, *, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the cat signed ``body`` within the last five minutes; during a rotation with either secret.

    ``headers`` are the three of a signed message, by lower-case names.

    Raises:
        SigningRootRetiredError: when the root that the cat's secret came from is not configured any more.
    """
    return any(_verifies(secret, headers, body) for secret in _secrets(keys, state, dt.datetime.now(dt.UTC)))


def _verifies(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # the library lets what is not even a signature fall through
        return False
    return True


def _secrets(keys: Keyring, state: SigningState, now: dt.datetime) -> list[str]:
    current = cat_signing_secret(keys, root_id=state.root_id, cat_id=state.cat_id, version=state.version)
    if state.rotated_at is None or state.rotated_at + CAT_SECRET_OVERLAP <= now:
        return [current]
    try:
        before = cat_signing_secret(
            keys,
            root_id=state.previous_root_id or state.root_id,
            cat_id=state.cat_id,
            version=state.version - 1,
        )
    except SigningRootRetiredError:
        return [current]
    return [current, before]
