"""The key ring: which key signs, which still verify."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.secrets import JwtSecrets, UnwrappingError
from auth_service.signing_keys import repository
from auth_service.signing_keys.errors import NoSigningKeyError
from cathouse.database import Database
from cathouse.schema import SigningKey, SigningKeyState

RELOAD_AFTER_S = 60.0
UNKNOWN_KEY_PAUSE_S = 10.0

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    at: float
    public: dict[str, ECKey]
    documents: tuple[dict[str, Any], ...]
    active_kid: str
    active: ECKey


class KeyRing:
    """Signing keys, read from the database at most once a minute; the first one is made when there is none."""

    def __init__(self, database: Database, secrets: JwtSecrets) -> None:
        self._database = database
        self._secrets = secrets
        self._loaded: _Loaded | None = None
        self._generation = 0

    @property
    def generation(self) -> int:
        """Rises when the set of keys has changed."""
        return self._generation

    async def signing_key(self) -> tuple[str, ECKey]:
        """The id and the private key that sign now.

        Raises:
            NoSigningKeyError: when the stored key cannot be opened with any JWT_SECRET that is given.
        """
        loaded = await self._current()
        return loaded.active_kid, loaded.active

    async def find(self, kid: str) -> ECKey | None:
        """The public key named ``kid``; an unknown one is looked for again, at most every ten seconds."""
        loaded = await self._current()
        if kid not in loaded.public and time.monotonic() - loaded.at > UNKNOWN_KEY_PAUSE_S:
            loaded = await self._load()
        return loaded.public.get(kid)

    async def public_jwks(self) -> dict[str, Any]:
        """The JWK set (RFC 7517) that the other services verify with."""
        return {"keys": list((await self._current()).documents)}

    async def _current(self) -> _Loaded:
        if self._loaded is None or time.monotonic() - self._loaded.at > RELOAD_AFTER_S:
            return await self._load()
        return self._loaded

    async def _load(self) -> _Loaded:
        keys = await self._database.read(repository.living_keys)
        if not any(key.state == SigningKeyState.ACTIVE for key in keys):
            keys = await self._make_first_key()
        active = next(key for key in keys if key.state == SigningKeyState.ACTIVE)
        documents = tuple(key.public_jwk for key in keys)
        public = {key.kid: ECKey.import_key(key.public_jwk) for key in keys}
        if self._loaded is None or public.keys() != self._loaded.public.keys():
            self._generation += 1
        self._loaded = _Loaded(time.monotonic(), public, documents, active.kid, self._open(active))
        return self._loaded

    async def _make_first_key(self) -> Sequence[SigningKey]:
        async def make(session: AsyncSession) -> Sequence[SigningKey]:
            await repository.wait_for_turn(session)
            keys = await repository.living_keys(session)
            if any(key.state == SigningKeyState.ACTIVE for key in keys):
                return keys  # another replica was quicker
            private = ECKey.generate_key("P-256", private=True)
            kid = private.thumbprint()
            public = {**private.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
            secret = self._secrets.current
            await repository.add_active_key(
                session,
                kid=kid,
                public_jwk=public,
                wrapped_private=secret.wrap(private.as_der(private=True), bound_to=kid),
                wrapping_key_id=secret.key_id,
            )
            _logger.info("signing_key.made", kid=kid)
            return await repository.living_keys(session)

        return await self._database.write(make)

    def _open(self, key: SigningKey) -> ECKey:
        secret = self._secrets.find(key.wrapping_key_id)
        if secret is None:
            raise NoSigningKeyError
        try:
            return ECKey.import_key(secret.unwrap(key.wrapped_private, bound_to=key.kid))
        except UnwrappingError:
            raise NoSigningKeyError from None
