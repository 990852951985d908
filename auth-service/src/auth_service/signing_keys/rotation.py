"""When a signing key comes, signs, goes and is gone.

A new key is published before it signs, so that every verifier has it by then (they ask once a minute), and the old one
stays published until its last token has ended. Numbers: design/security.md, "Tokens and keys".
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cathouse.schema import SigningKeyState

PUBLISHED_FOR = dt.timedelta(minutes=20)
"""How long a key is in the JWK set before it signs."""

REPLACED_AFTER = dt.timedelta(days=90)

KEPT_FOR = dt.timedelta(hours=1)
"""How long a key that does not sign any more still verifies; its last token ends after ten minutes."""


class KeyTimes(Protocol):
    """What of a key decides its next step."""

    kid: str
    state: str
    created_at: dt.datetime
    activated_at: dt.datetime | None
    retired_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Steps:
    """What is due. ``make`` is the state of a new key."""

    make: SigningKeyState | None = None
    activate: str | None = None
    retire: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Steps()


def steps_due(keys: Sequence[KeyTimes], now: dt.datetime) -> Steps:
    """What is to be done with ``keys`` (all that are not revoked) at ``now``."""
    active = next((key for key in keys if key.state == SigningKeyState.ACTIVE), None)
    pending = sorted((key for key in keys if key.state == SigningKeyState.PENDING), key=lambda key: key.created_at)
    spent = tuple(
        key.kid
        for key in keys
        if key.state == SigningKeyState.RETIRING and key.retired_at is not None and now - key.retired_at > KEPT_FOR
    )
    if active is None:
        # Nothing signs: whatever is published has to, however short a time; else a new one.
        return Steps(make=None if pending else SigningKeyState.ACTIVE, activate=_first(pending), revoke=spent)
    if pending and now - pending[0].created_at > PUBLISHED_FOR:
        return Steps(activate=pending[0].kid, retire=(active.kid,), revoke=spent)
    is_old = active.activated_at is not None and now - active.activated_at > REPLACED_AFTER - PUBLISHED_FOR
    return Steps(make=SigningKeyState.PENDING if is_old and not pending else None, revoke=spent)


def _first(keys: Sequence[KeyTimes]) -> str | None:
    return keys[0].kid if keys else None
