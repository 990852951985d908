"""Players' secrets at rest: installation-service wraps them, and proxy-service alone opens them."""

import uuid

from cathouse.identity.errors import SecretUnreadableError
from cathouse.identity.keys import Keyring
from cathouse.identity.sealing import UnsealingError, seal, unseal


class SecretWrapper:
    """Seals under the newest player-secrets key."""

    def __init__(self, keys: Keyring) -> None:
        self.key_id, self._key = keys.current

    def wrap(self, value: str, *, installation_id: uuid.UUID, name: str) -> bytes:
        """The sealed value."""
        return seal(self._key, value.encode(), bound_to=_bound_to(installation_id, name))


def unwrap_secret(keys: Keyring, wrapped: bytes, *, key_id: str, installation_id: uuid.UUID, name: str) -> str:
    """The value that :meth:`SecretWrapper.wrap` sealed under the key ``key_id``.

    Raises:
        SecretUnreadableError: the key was retired, or this was wrapped for another installation or name, or changed.
    """
    key = keys.find(key_id)
    if key is None:
        raise SecretUnreadableError(name)
    try:
        return unseal(key, wrapped, bound_to=_bound_to(installation_id, name)).decode()
    except (UnsealingError, ValueError):
        raise SecretUnreadableError(name) from None


def _bound_to(installation_id: uuid.UUID, name: str) -> str:
    """What a wrapped secret is tied to: moved to another row it does not open."""
    return f"{installation_id}/{name}"
