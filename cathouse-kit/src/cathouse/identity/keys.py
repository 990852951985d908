"""Keys between services, derived from the platform's root secrets.

A root has an id; there may be several, newest first: what is new is made under the first, what exists is checked
under any. Each use has a key of its own (HKDF-SHA256, RFC 5869, one label per use), so that in production a service
can be given the keys that it uses and nothing else.
"""

import base64
import datetime as dt
import enum
import hmac
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cathouse.identity.errors import SigningRootRetiredError

SHORTEST_ROOT = 32
"""Characters; `make env` and `openssl rand -base64 32` give more."""

PLACEHOLDERS = ("change-me", "changeme", "replace-me", "example", "secret", "placeholder")

_ROOT_ID = re.compile(r"^[a-z0-9]{1,16}$")


class KeyUse(enum.StrEnum):
    """What a derived key is for; the value, in upper case, is the variable that hands it to a service."""

    AUTH_TO_CATALOG = "key_auth_to_catalog"
    AUTH_TO_INSTALLATION = "key_auth_to_installation"
    CATALOG_TO_PROXY = "key_catalog_to_proxy"
    INSTALLATION_TO_AUTH = "key_installation_to_auth"
    INSTALLATION_TO_PROXY = "key_installation_to_proxy"
    PROXY_TO_INSTALLATION = "key_proxy_to_installation"
    CALLBACK_TOKENS = "key_callback_tokens"
    PLAYER_SECRETS = "key_player_secrets"
    CAT_SIGNING = "key_cat_signing"


USED_BY: dict[str, frozenset[KeyUse]] = {
    "auth": frozenset({KeyUse.AUTH_TO_CATALOG, KeyUse.AUTH_TO_INSTALLATION, KeyUse.INSTALLATION_TO_AUTH}),
    "catalog": frozenset({KeyUse.AUTH_TO_CATALOG, KeyUse.CATALOG_TO_PROXY, KeyUse.CAT_SIGNING}),
    "installation": frozenset(
        {
            KeyUse.AUTH_TO_INSTALLATION,
            KeyUse.INSTALLATION_TO_AUTH,
            KeyUse.INSTALLATION_TO_PROXY,
            KeyUse.PROXY_TO_INSTALLATION,
            KeyUse.CALLBACK_TOKENS,
            KeyUse.PLAYER_SECRETS,
        }
    ),
    "proxy": frozenset(
        {
            KeyUse.CATALOG_TO_PROXY,
            KeyUse.INSTALLATION_TO_PROXY,
            KeyUse.PROXY_TO_INSTALLATION,
            KeyUse.CALLBACK_TOKENS,
            KeyUse.PLAYER_SECRETS,
            KeyUse.CAT_SIGNING,
        }
    ),
}
"""Which service is given which key."""


def call_key(caller: str, callee: str) -> KeyUse:
    """The key with which ``caller`` proves to ``callee`` who it is."""
    return KeyUse(f"key_{caller}_to_{callee}")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Secrets by the id of their root, newest first. ``repr`` shows ids only."""

    entries: tuple[tuple[str, bytes], ...]

    def __repr__(self) -> str:
        return f"Keyring({', '.join(root_id for root_id, _ in self.entries)})"

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(self.entries)

    @property
    def current(self) -> tuple[str, bytes]:
        """The id and the secret that new things are made under."""
        return self.entries[0]

    def find(self, root_id: str) -> bytes | None:
        """The secret under that root, or None when the root was retired."""
        return next((secret for each, secret in self.entries if each == root_id), None)

    def text(self) -> str:
        """As a variable holds it: ``id:base64url``, comma-separated."""
        return ",".join(f"{root_id}:{base64.urlsafe_b64encode(secret).decode()}" for root_id, secret in self.entries)


def parse_roots(text: str) -> Keyring:
    """Read ``PLATFORM_SECRET``: ``id:secret``, comma-separated, newest first; one without an id is ``r1``.

    Raises:
        ValueError: saying what is expected.
    """
    entries = []
    for part in text.split(","):
        root_id, separator, secret = part.strip().partition(":")
        if not separator:
            root_id, secret = "r1", root_id
        if not _ROOT_ID.match(root_id):
            raise ValueError("a root's id is 1 to 16 lower-case letters or digits: PLATFORM_SECRET=r2:SECRET,r1:SECRET")
        refuse_weak_secret(secret)
        entries.append((root_id, secret.encode()))
    if len({root_id for root_id, _ in entries}) != len(entries):
        raise ValueError("each root needs an id of its own: PLATFORM_SECRET=r2:SECRET,r1:SECRET")
    return Keyring(tuple(entries))


def parse_keyring(text: str) -> Keyring:
    """Read a derived key as ``cathouse keys env`` printed it.

    Raises:
        ValueError: when it is something else.
    """
    entries = []
    for part in text.split(","):
        root_id, _, encoded = part.strip().partition(":")
        try:
            secret = base64.urlsafe_b64decode(encoded)
        except ValueError:
            secret = b""
        if not _ROOT_ID.match(root_id) or len(secret) != 32:
            raise ValueError("expected what `cathouse keys env SERVICE` prints: ID:KEY[,ID:KEY]")
        entries.append((root_id, secret))
    return Keyring(tuple(entries))


def refuse_weak_secret(secret: str) -> None:
    """Hold a root secret to a length and keep placeholders out.

    Raises:
        ValueError: saying how to get a good one.
    """
    if len(secret) < SHORTEST_ROOT:
        raise ValueError(f"expected at least {SHORTEST_ROOT} characters; `openssl rand -base64 32` makes a good one")
    if any(word in secret.lower() for word in PLACEHOLDERS):
        raise ValueError("this is a placeholder; `make env` or `openssl rand -base64 32` makes a real one")


def derive(roots: Keyring, use: KeyUse) -> Keyring:
    """The key for one use under every root."""
    return Keyring(tuple((root_id, hkdf(secret, f"cathouse/{use.value}/v1")) for root_id, secret in roots))


CAT_SECRET_OVERLAP = dt.timedelta(hours=24)
"""For how long after a rotation messages are signed with the secret before it as well; design/api.md."""


def cat_signing_secret(keyring: Keyring, *, root_id: str, cat_id: uuid.UUID, version: int) -> str:
    """A cat's Standard Webhooks secret (``whsec_…``). Nothing of it is stored.

    Raises:
        SigningRootRetiredError: when the root that it comes from is not configured any more.
    """
    key = keyring.find(root_id)
    if key is None:
        raise SigningRootRetiredError
    return "whsec_" + base64.b64encode(hkdf(key, f"whsec/{cat_id}/{version}")).decode()


def fingerprints(keyring: Keyring, message: bytes) -> tuple[bytes, ...]:
    """What tells ``message`` from every other one, under each key of the ring, newest first (HMAC-SHA256).

    Nobody can try guesses at the message who has the fingerprint alone.
    """
    return tuple(hmac.digest(hkdf(secret, "fingerprint/v1"), message, "sha256") for _, secret in keyring)


# One entry a cat: deriving its secret for each message would take as long as signing with it (3 µs).
@lru_cache(maxsize=4096)
def hkdf(secret: bytes, label: str) -> bytes:
    """The key of 32 bytes that ``secret`` gives for one use (HKDF-SHA256, RFC 5869), a label a use."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=label.encode()).derive(secret)
