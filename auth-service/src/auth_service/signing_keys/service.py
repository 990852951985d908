"""The signing keys: which one signs, which still verify."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.jwt_secrets import JwtSecrets
from auth_service.signing_keys import repository
from auth_service.signing_keys.errors import KeyNotFoundError, NoSigningKeyError
from auth_service.signing_keys.rotation import PUBLISHED_FOR, Steps, steps_due
from cathouse.database import Database, record_event
from cathouse.identity.sealing import UnsealingError
from cathouse.schema import SigningKey, SigningKeyState

RELOAD_AFTER_S = 60.0
LOOK_AGAIN_S = 1.0
"""Seconds after which another process's key is looked for: by who meets an id that nobody knows, and for the JWK set.

After a revocation another replica signs with a new key at once. A set without it, kept for a minute, would have the
other services refuse good tokens for as long.
"""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    at: float
    public: dict[str, ECKey]
    documents: tuple[dict[str, Any], ...]
    active_kid: str
    active: ECKey | None
    """None: it is under a JWT_SECRET that is not given. What it signed can be verified all the same."""


class SigningKeys:
    """They are read from the database at most once a minute; what is due of their rotation is done then."""

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
        loaded = await self._current(kept_s=RELOAD_AFTER_S)
        if loaded.active is None:
            loaded = await self._load()  # perhaps another one signs by now
        if loaded.active is None:
            raise NoSigningKeyError
        return loaded.active_kid, loaded.active

    async def find(self, kid: str) -> ECKey | None:
        """The public key named ``kid``; an unknown one is looked for again, at most once a second."""
        loaded = await self._current(kept_s=RELOAD_AFTER_S)
        if kid not in loaded.public and time.monotonic() - loaded.at > LOOK_AGAIN_S:
            loaded = await self._load()
        return loaded.public.get(kid)

    async def public_jwks(self) -> dict[str, Any]:
        """The JWK set (RFC 7517) that the other services verify with."""
        return {"keys": list((await self._current(kept_s=LOOK_AGAIN_S)).documents)}

    async def _current(self, *, kept_s: float) -> _Loaded:
        loaded = self._loaded
        if loaded is None:
            return await self._load()
        is_old = time.monotonic() - loaded.at > kept_s
        # The JWK set is asked for by machines: an idle service does not wake the database for it.
        return await self._load() if is_old and not self._database.idleness.is_idle else loaded

    async def rotate(self) -> dt.datetime:
        """Publish a new key, unless one is published already, and return when it is going to sign."""

        async def publish(session: AsyncSession) -> dt.datetime:
            await repository.wait_for_turn(session)
            pending = _pending(await repository.living_keys(session))
            if pending is None:
                await self._make(session, SigningKeyState.PENDING)
                pending = _pending(await repository.living_keys(session))
                await record_event(session, "signing_key.published", actor_id=None)
            created_at = pending.created_at if pending is not None else dt.datetime.now(dt.UTC)
            return created_at + PUBLISHED_FOR

        return await self._database.write(publish)

    async def revoke(self, kid: str) -> None:
        """End a key at once, with every token that it signed; if it was the one that signs, another one takes over.

        The other services hear of it within two minutes.

        Raises:
            KeyNotFoundError
        """

        async def revoke(session: AsyncSession) -> None:
            await repository.wait_for_turn(session)
            if not await repository.revoke(session, [kid]):
                raise KeyNotFoundError(kid)
            await self._take(session, steps_due(await repository.living_keys(session), dt.datetime.now(dt.UTC)))
            await record_event(session, "signing_key.revoked", actor_id=None, detail={"kid": kid})

        await self._database.write(revoke)

    async def list(self) -> Sequence[SigningKey]:
        """Every key that may still verify a token, oldest first."""
        return await self._database.read(repository.living_keys)

    async def rewrap_all(self) -> int:
        """Put every private key under the newest JWT_SECRET, and return how many were under an older one.

        Raises:
            NoSigningKeyError: one is under a JWT_SECRET that is not configured.
        """
        secret = self._secrets.current

        async def rewrap(session: AsyncSession) -> int:
            await repository.wait_for_turn(session)
            old = [key for key in await repository.living_keys(session) if key.wrapping_key_id != secret.key_id]
            for key in old:
                key.wrapped_private = secret.wrap(self._open(key).as_der(private=True), bound_to=key.kid)
                key.wrapping_key_id = secret.key_id
            return len(old)

        return await self._database.write(rewrap)

    async def _load(self) -> _Loaded:
        keys = await self._database.read(repository.living_keys)
        if steps_due(keys, dt.datetime.now(dt.UTC)):
            keys = await self._database.write(self._maintain)
        active = next(key for key in keys if key.state == SigningKeyState.ACTIVE)
        documents = tuple(key.public_jwk for key in keys)
        public = {key.kid: ECKey.import_key(key.public_jwk) for key in keys}
        if self._loaded is None or public.keys() != self._loaded.public.keys():
            self._generation += 1
        try:
            private = self._open(active)
        except NoSigningKeyError:
            private = None
        self._loaded = _Loaded(time.monotonic(), public, documents, active.kid, private)
        return self._loaded

    async def _maintain(self, session: AsyncSession) -> Sequence[SigningKey]:
        await repository.wait_for_turn(session)
        # Looked at again: another replica may have been quicker.
        due = steps_due(await repository.living_keys(session), dt.datetime.now(dt.UTC))
        await self._take(session, due)
        session.expunge_all()
        return await repository.living_keys(session)

    async def _take(self, session: AsyncSession, steps: Steps) -> None:
        await repository.retire(session, steps.retire)
        if steps.activate is not None:
            await repository.activate(session, steps.activate)
            _logger.info("signing_key.activated", kid=steps.activate)
        await repository.revoke(session, steps.revoke)
        if steps.make is not None:
            await self._make(session, steps.make)

    async def _make(self, session: AsyncSession, state: SigningKeyState) -> None:
        private = ECKey.generate_key("P-256", private=True)
        kid = private.thumbprint()
        public = {**private.as_dict(private=False), "kid": kid, "use": "sig", "alg": "ES256"}
        secret = self._secrets.current
        await repository.add_key(
            session,
            kid=kid,
            public_jwk=public,
            wrapped_private=secret.wrap(private.as_der(private=True), bound_to=kid),
            wrapping_key_id=secret.key_id,
            state=state,
        )
        _logger.info("signing_key.made", kid=kid, state=state.value)

    def _open(self, key: SigningKey) -> ECKey:
        secret = self._secrets.find(key.wrapping_key_id)
        if secret is None:
            raise NoSigningKeyError
        try:
            return ECKey.import_key(secret.unwrap(key.wrapped_private, bound_to=key.kid))
        except UnsealingError:
            raise NoSigningKeyError from None


def _pending(keys: Sequence[SigningKey]) -> SigningKey | None:
    return next((key for key in keys if key.state == SigningKeyState.PENDING), None)
