"""Players' secrets at rest: installation-service wraps them, and proxy-service alone opens them."""

import os
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cathouse.identity.errors import SecretUnreadableError
from cathouse.identity.keys import Keyring

NONCE_BYTES = 12


class SecretWrapper:
    """Encrypts with AES-256-GCM under the newest player-secrets key."""

    def __init__(self, keys: Keyring) -> None:
        self.key_id, self._key = keys.current

    def wrap(self, value: str, *, installation_id: uuid.UUID, name: str) -> bytes:
        """The nonce and the sealed value."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, value.encode(), _bound_to(installation_id, name))


def unwrap_secret(keys: Keyring, wrapped: bytes, *, key_id: str, installation_id: uuid.UUID, name: str) -> str:
    """The value that :meth:`SecretWrapper.wrap` sealed under the key ``key_id``.

    Raises:
        SecretUnreadableError: the key was retired, or this was wrapped for another installation or name, or changed.
    """
    key = keys.find(key_id)
    if key is None:
        raise SecretUnreadableError(name)
    nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, sealed, _bound_to(installation_id, name)).decode()
    except (InvalidTag, ValueError):
        raise SecretUnreadableError(name) from None


def _bound_to(installation_id: uuid.UUID, name: str) -> bytes:
    """What a wrapped secret is tied to: moved to another row it does not open."""
    return f"{installation_id}/{name}".encode()
