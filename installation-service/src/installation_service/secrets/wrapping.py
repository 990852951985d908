"""Keeping a player's secret so that only proxy-service can read it."""

import os
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cathouse.identity import Keyring

NONCE_BYTES = 12


def bound_to(installation_id: uuid.UUID, name: str) -> bytes:
    """What a wrapped secret is tied to: moved to another row it does not open."""
    return f"{installation_id}/{name}".encode()


class SecretWrapper:
    """Encrypts with AES-256-GCM under the newest player-secrets key."""

    def __init__(self, keys: Keyring) -> None:
        self.key_id, self._key = keys.current

    def wrap(self, value: str, *, installation_id: uuid.UUID, name: str) -> bytes:
        """The nonce and the sealed value."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, value.encode(), bound_to(installation_id, name))
