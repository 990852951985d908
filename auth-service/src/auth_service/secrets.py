"""What auth-service makes of ``JWT_SECRET``: never a signature, only keys of its own."""

import hashlib
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cathouse.identity.keys import refuse_weak_secret

_NONCE_BYTES = 12


class UnwrappingError(Exception):
    """What was wrapped cannot be opened: its JWT_SECRET is gone, or somebody changed it."""


@dataclass(frozen=True, slots=True, repr=False)
class JwtSecret:
    """One value of ``JWT_SECRET`` with the keys derived from it (HKDF-SHA256, one label per use)."""

    key_id: str
    refresh_key: bytes
    _wrapping_key: bytes

    @classmethod
    def derive(cls, secret: str) -> "JwtSecret":
        """``key_id`` tells the values of a list apart and tells nothing of the value."""
        raw = secret.encode()
        return cls(
            key_id=hashlib.sha256(_hkdf(raw, "key-id/v1")).hexdigest()[:16],
            refresh_key=_hkdf(raw, "refresh-token/v1"),
            _wrapping_key=_hkdf(raw, "jwk-wrap/v1"),
        )

    def wrap(self, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypt with AES-256-GCM; ``bound_to`` must be given again to open it."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._wrapping_key).encrypt(nonce, plain, bound_to.encode())

    def unwrap(self, wrapped: bytes, *, bound_to: str) -> bytes:
        """Open what :meth:`wrap` made.

        Raises:
            UnwrappingError: when it was made under another key, for something else, or was changed.
        """
        try:
            nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
            return AESGCM(self._wrapping_key).decrypt(nonce, sealed, bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise UnwrappingError from error


@dataclass(frozen=True, slots=True, repr=False)
class JwtSecrets:
    """All values of ``JWT_SECRET``, newest first: the newest makes, the older ones still open."""

    values: tuple[JwtSecret, ...]

    @classmethod
    def parse(cls, text: str) -> "JwtSecrets":
        """Read the variable.

        Raises:
            ValueError: when a value is short or a placeholder.
        """
        parts = [part.strip() for part in text.split(",")]
        for part in parts:
            refuse_weak_secret(part)
        return cls(tuple(JwtSecret.derive(part) for part in parts))

    @property
    def current(self) -> JwtSecret:
        """The one that new things are made under."""
        return self.values[0]

    def find(self, key_id: str) -> JwtSecret | None:
        """The one named ``key_id``, or None when it was taken off the list."""
        return next((value for value in self.values if value.key_id == key_id), None)


def _hkdf(secret: bytes, label: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=label.encode()).derive(secret)
