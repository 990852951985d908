"""Refresh tokens: opaque to clients, recomputed rather than stored.

A token is the session's id, a counter, and HMAC-SHA256 over both under a key derived from JWT_SECRET. The session's
row holds the counter of the newest one; so a dump of the database holds nothing that logs anybody in.
"""

import base64
import hashlib
import hmac
import struct
import uuid
from dataclasses import dataclass

from auth_service.sessions.errors import RefreshTokenInvalidError

PREFIX = "chr_"

_LAYOUT = struct.Struct(">16sI")
_MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token taken apart; ``proof`` is not yet to be believed."""

    session_id: uuid.UUID
    counter: int
    proof: bytes

    @classmethod
    def parse(cls, text: str) -> "RefreshToken":
        """Take a token apart.

        Raises:
            RefreshTokenInvalidError: when it is not one.
        """
        encoded = text.removeprefix(PREFIX)
        try:
            raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise RefreshTokenInvalidError from None
        if not text.startswith(PREFIX) or len(raw) != _LAYOUT.size + _MAC_BYTES:
            raise RefreshTokenInvalidError
        session_id, counter = _LAYOUT.unpack_from(raw)
        return cls(uuid.UUID(bytes=session_id), counter, raw[_LAYOUT.size :])

    def is_genuine(self, key: bytes) -> bool:
        """Whether we made it."""
        return hmac.compare_digest(self.proof, _proof(self.session_id, self.counter, key))


def make_refresh_token(session_id: uuid.UUID, counter: int, key: bytes) -> str:
    """The token number ``counter`` of a session: the same one each time it is asked for."""
    raw = _LAYOUT.pack(session_id.bytes, counter) + _proof(session_id, counter, key)
    return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _proof(session_id: uuid.UUID, counter: int, key: bytes) -> bytes:
    return hmac.digest(key, _LAYOUT.pack(session_id.bytes, counter), hashlib.sha256)
