"""The rules of sessions: who gets in, and for how long.

Numbers are those of design/security.md, "Tokens and keys": access token 10 minutes; refresh token idle 14 days, the
session 30 days at most; the immediate parent of a refresh token gives the same successor for 30 seconds, so that
parallel tabs and lost answers do no harm; anything older means that somebody has copied it.
"""

import datetime as dt
import time
import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.passwords import Passwords
from auth_service.accounts.service import email_key
from auth_service.secrets import JwtSecrets
from auth_service.sessions import repository
from auth_service.sessions.errors import InvalidCredentialsError, RefreshTokenInvalidError
from auth_service.sessions.refresh_tokens import RefreshToken, make_refresh_token
from auth_service.sessions.schemas import Login, Tokens
from auth_service.signing_keys.service import KeyRing
from cathouse.database import AnyRow, Database, record_event
from cathouse.identity.access_tokens import ALGORITHM, AUDIENCES, LIFE_S, TYPE
from cathouse.identity.compact import sign

IDLE = dt.timedelta(days=14)
ABSOLUTE = dt.timedelta(days=30)
GRACE = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody logs in."""

    user_agent: str | None
    ip: str | None


@dataclass(frozen=True, slots=True)
class _Granted:
    """A session whose next pair of tokens can be made."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    role: str
    authenticated_at: dt.datetime
    amr: list[str]
    key_id: str
    counter: int
    idle_expires_at: dt.datetime


class SessionService:
    """Logs people in, keeps them in, and lets them out."""

    def __init__(
        self, database: Database, passwords: Passwords, keys: KeyRing, secrets: JwtSecrets, *, issuer: str
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._keys = keys
        self._secrets = secrets
        self._issuer = issuer

    async def log_in(self, login: Login, client: Client) -> Tokens:
        """Begin a session.

        Raises:
            InvalidCredentialsError: whatever is wrong with the credentials.
            HashingBusyError: too many log-ins at once.
        """
        key = email_key(login.email)
        found = await self._database.read(lambda session: repository.find_credentials(session, key))
        matches = await self._passwords.verify(found.password_hash if found else None, login.password)
        if found is None or not matches or not found.is_active:
            raise InvalidCredentialsError
        now = dt.datetime.now(dt.UTC)
        new = repository.NewSession(
            user_id=found.id,
            key_id=self._secrets.current.key_id,
            amr=["pwd"],
            user_agent=client.user_agent[:400] if client.user_agent else None,
            ip=client.ip,
            idle_expires_at=now + IDLE,
            expires_at=now + ABSOLUTE,
        )

        async def begin(session: AsyncSession) -> _Granted:
            begun = await repository.add_session(session, new)
            return _Granted(
                session_id=begun.id,
                user_id=found.id,
                role=found.role,
                authenticated_at=begun.authenticated_at,
                amr=begun.amr,
                key_id=begun.key_id,
                counter=begun.refresh_counter,
                idle_expires_at=begun.idle_expires_at,
            )

        return await self._tokens(await self._database.write(begin))

    async def refresh(self, text: str) -> Tokens:
        """The next pair of tokens.

        Raises:
            RefreshTokenInvalidError: also when the token was used before; its session is then ended, with every
                token that came of it.
        """
        token = RefreshToken.parse(text)

        async def rotate(session: AsyncSession) -> _Granted | None:
            now = dt.datetime.now(dt.UTC)
            found = await repository.lock_session(session, token.session_id)
            if found is None or not self._is_usable(found, token, now):
                return None
            if token.counter == found.refresh_counter:
                idle_expires_at = min(now + IDLE, found.expires_at)
                counter = token.counter + 1
                await repository.rotate(session, found.id, counter=counter, now=now, idle_expires_at=idle_expires_at)
                return _granted(found, counter=counter, idle_expires_at=idle_expires_at)
            if token.counter == found.refresh_counter - 1 and now - found.rotated_at <= GRACE:
                return _granted(found, counter=found.refresh_counter, idle_expires_at=found.idle_expires_at)
            await repository.revoke_session(session, found.id, now=now, reason="refresh_token_reused")
            await record_event(
                session,
                "session.refresh_token_reused",
                actor_id=found.user_id,
                subject={"session_id": found.id, "user_id": found.user_id},
            )
            return None

        granted = await self._database.write(rotate)
        if granted is None:
            raise RefreshTokenInvalidError
        return await self._tokens(granted)

    async def log_out(self, text: str) -> None:
        """End the session of a refresh token; one that is of no use any more is no error."""
        try:
            token = RefreshToken.parse(text)
        except RefreshTokenInvalidError:
            return

        async def end(session: AsyncSession) -> None:
            now = dt.datetime.now(dt.UTC)
            found = await repository.lock_session(session, token.session_id)
            if found is not None and self._is_genuine(found, token):
                await repository.revoke_session(session, found.id, now=now, reason="logged_out")

        await self._database.write(end)

    async def log_out_everywhere(self, user_id: uuid.UUID) -> None:
        """End all sessions of a person."""

        async def end(session: AsyncSession) -> None:
            now = dt.datetime.now(dt.UTC)
            await repository.revoke_sessions_of(session, user_id, now=now, reason="logged_out_everywhere")
            await record_event(session, "session.all_ended", actor_id=user_id, subject={"user_id": user_id})

        await self._database.write(end)

    def _is_genuine(self, found: AnyRow, token: RefreshToken) -> bool:
        secret = self._secrets.find(found.key_id)
        return secret is not None and token.is_genuine(secret.refresh_key)

    def _is_usable(self, found: AnyRow, token: RefreshToken, now: dt.datetime) -> bool:
        living = found.revoked_at is None and found.is_active
        return living and now < min(found.idle_expires_at, found.expires_at) and self._is_genuine(found, token)

    async def _tokens(self, granted: _Granted) -> Tokens:
        kid, key = await self._keys.signing_key()
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": str(granted.user_id),
            "aud": list(AUDIENCES),
            "iat": now,
            "exp": now + LIFE_S,
            "jti": uuid.uuid4().hex,
            "sid": str(granted.session_id),
            "role": granted.role,
            "auth_time": int(granted.authenticated_at.timestamp()),
            "amr": granted.amr,
        }
        secret = self._secrets.find(granted.key_id)
        if secret is None:
            raise RefreshTokenInvalidError
        return Tokens(
            access_token=sign(claims, key, algorithm=ALGORITHM, typ=TYPE, kid=kid),
            expires_in=LIFE_S,
            refresh_token=make_refresh_token(granted.session_id, granted.counter, secret.refresh_key),
            refresh_expires_in=max(0, int(granted.idle_expires_at.timestamp()) - now),
        )


def _granted(found: AnyRow, *, counter: int, idle_expires_at: dt.datetime) -> _Granted:
    return _Granted(
        session_id=found.id,
        user_id=found.user_id,
        role=found.role,
        authenticated_at=found.authenticated_at,
        amr=found.amr,
        key_id=found.key_id,
        counter=counter,
        idle_expires_at=idle_expires_at,
    )
