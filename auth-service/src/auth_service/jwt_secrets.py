"""What auth-service makes of ``JWT_SECRET``: never a signature, only keys of its own."""

import hashlib
from dataclasses import dataclass

from cathouse.identity.keys import hkdf, refuse_weak_secret
from cathouse.identity.sealing import seal, unseal


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
            key_id=hashlib.sha256(hkdf(raw, "key-id/v1")).hexdigest()[:16],
            refresh_key=hkdf(raw, "refresh-token/v1"),
            _wrapping_key=hkdf(raw, "jwk-wrap/v1"),
        )

    def wrap(self, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypt ``plain``; ``bound_to`` must be given again to open it."""
        return seal(self._wrapping_key, plain, bound_to=bound_to)

    def unwrap(self, wrapped: bytes, *, bound_to: str) -> bytes:
        """Open what :meth:`wrap` made.

        Raises:
            UnsealingError: when it was made under another key, for something else, or was changed.
        """
        return unseal(self._wrapping_key, wrapped, bound_to=bound_to)


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
