"""Where the public keys come from that tokens are checked with."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from cathouse.identity.errors import KeysUnavailableError
from cathouse.tls import tls_for

REFRESH_AFTER_S = 60.0
UNKNOWN_KEY_PAUSE_S = 10.0
FIRST_FETCH_PAUSE_S = 0.5
"""Between tries as long as none has succeeded: the services of a house start together."""

STALE_FOR_S = 24 * 3600.0
FETCH_TIMEOUT_S = 3.0

_logger = structlog.get_logger(__name__)


KeyT = TypeVar("KeyT", ECKey, RSAKey)


class PublicKeys(Protocol):
    """A source of public keys. ``generation`` changes with the set, so that what was cached under it is dropped."""

    @property
    def generation(self) -> int:
        """Rises when the set has changed."""

    async def find(self, kid: str) -> ECKey | None:
        """The key named ``kid``, or None when there is no such key."""


class RemoteJwks(Generic[KeyT]):
    """A JWKS over HTTP: kept for a minute, renewed behind the requests, stale for a day at most.

    An unknown kid is looked for at most once every ten seconds, so a flood of forged tokens costs one fetch.
    """

    def __init__(self, url: str, *, read: Callable[[Mapping[str, Any]], dict[str, KeyT]]) -> None:
        """``read`` takes the usable keys out of the document: ``read_ec_keys`` or ``read_rsa_keys``."""
        self._url = url
        self._read: Callable[[Mapping[str, Any]], dict[str, KeyT]] = read
        self._http = httpx.AsyncClient(timeout=FETCH_TIMEOUT_S, trust_env=False, verify=tls_for(url))
        self._keys: dict[str, KeyT] = {}
        self._fetched_at: float | None = None
        self._tried_at = float("-inf")
        self._renewing: asyncio.Task[None] | None = None
        self._generation = 0

    @property
    def generation(self) -> int:
        """Rises when the set of keys has changed."""
        self._renew_if_old()
        return self._generation

    async def find(self, kid: str) -> KeyT | None:
        """The key named ``kid``.

        Raises:
            KeysUnavailableError: when the keys were never reached, or not for a day.
        """
        self._renew_if_old()
        if kid not in self._keys and self._may_try():
            await self._renew()
        if self._fetched_at is None or time.monotonic() - self._fetched_at > STALE_FOR_S:
            raise KeysUnavailableError
        return self._keys.get(kid)

    async def close(self) -> None:
        """Give the connection back."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self._http.aclose()

    def _may_try(self) -> bool:
        pause = FIRST_FETCH_PAUSE_S if self._fetched_at is None else UNKNOWN_KEY_PAUSE_S
        return self._renewing is not None or time.monotonic() - self._tried_at >= pause

    def _renew_if_old(self) -> None:
        old = self._fetched_at is not None and time.monotonic() - self._fetched_at > REFRESH_AFTER_S
        if old and self._may_try() and self._renewing is None:
            self._start_renewing()

    async def _renew(self) -> None:
        await asyncio.shield(self._renewing or self._start_renewing())

    def _start_renewing(self) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._fetch())
        self._renewing = task
        task.add_done_callback(self._renewed)
        return task

    def _renewed(self, _task: "asyncio.Task[None]") -> None:
        self._renewing = None

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        try:
            answer = await self._http.get(self._url)
            answer.raise_for_status()
            keys = self._read(answer.json())
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, RecursionError, JoseError) as error:
            _logger.warning("jwks.fetch_failed", url=self._url, cause=f"{type(error).__name__}: {error}")
            return
        if keys.keys() != self._keys.keys():
            self._generation += 1
        self._keys = keys
        self._fetched_at = time.monotonic()


def read_ec_keys(document: Mapping[str, Any]) -> dict[str, ECKey]:
    """The keys that ES256 can be verified with.

    Raises:
        TypeError: the document has no list of keys.
    """
    keys: dict[str, ECKey] = {}
    for member in _members(document):
        if member.get("kty") == "EC" and member.get("crv") == "P-256" and isinstance(member.get("kid"), str):
            keys[member["kid"]] = ECKey.import_key(member)
    return keys


def read_rsa_keys(document: Mapping[str, Any]) -> dict[str, RSAKey]:
    """The keys that RS256 can be verified with.

    Raises:
        TypeError: the document has no list of keys.
    """
    keys: dict[str, RSAKey] = {}
    for member in _members(document):
        if member.get("kty") == "RSA" and member.get("alg", "RS256") == "RS256" and isinstance(member.get("kid"), str):
            keys[member["kid"]] = RSAKey.import_key(member)
    return keys


def _members(document: Mapping[str, Any]) -> list[Any]:
    members = document.get("keys")
    if not isinstance(members, list):
        # Somebody between us and the issuer: not to be taken for "all keys are revoked".
        raise TypeError("the document has no list of keys")
    return members
