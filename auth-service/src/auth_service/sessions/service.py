"""The rules of sessions: who gets in, and for how long.

Access tokens live for 10 minutes; a refresh token for 14 days when it is not used, and the session for 30 days at most.
The immediate parent of a refresh token gives the same successor for 30 seconds, so that parallel tabs and lost answers
do no harm; anything older means that somebody has copied it.
"""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.addresses import email_key
from auth_service.accounts.errors import HashingBusyError, InvalidCredentialsError
from auth_service.accounts.passwords import Passwords, is_long
from auth_service.accounts.repository import find_password_hash, replace_password
from auth_service.client import Client
from auth_service.jwt_secrets import JwtSecrets
from auth_service.login_attempts.repository import take_back_attempt
from auth_service.login_attempts.service import counted_attempt
from auth_service.mails.letters import MailKind
from auth_service.mails.service import MailService
from auth_service.second_factor.errors import SecretUnreadableError, TotpRequiredError
from auth_service.second_factor.service import SecondFactorService
from auth_service.sessions import repository
from auth_service.sessions.errors import (
    EmailNotVerifiedError,
    RefreshTokenInvalidError,
    SessionNotFoundError,
)
from auth_service.sessions.refresh_tokens import RefreshToken
from auth_service.sessions.repository import Proof
from auth_service.sessions.schemas import Login, Tokens
from auth_service.sessions.tokens import Granted, TokenIssuer
from cathouse.database import AnyRow, Database, record_event
from cathouse.identity import Principal
from cathouse.web import Keyset

IDLE = dt.timedelta(days=14)
ABSOLUTE = dt.timedelta(days=30)
GRACE = dt.timedelta(seconds=30)


class _HashReplacedError(InvalidCredentialsError):
    """The hash that was verified is not stored any more."""


class SessionService:
    """Logs people in, keeps them in, and lets them out."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        second_factors: SecondFactorService,
        tokens: TokenIssuer,
        mails: MailService,
        secrets: JwtSecrets,
        *,
        requires_verification: bool,
    ) -> None:
        """``requires_verification``: nobody logs in with an address that is not proved."""
        self._database = database
        self._passwords = passwords
        self._second_factors = second_factors
        self._tokens = tokens
        self._mails = mails
        self._secrets = secrets
        self._requires_verification = requires_verification

    async def log_in(self, login: Login, client: Client) -> Tokens:
        """Begin a session.

        Raises:
            InvalidCredentialsError: whatever is wrong with the credentials, also while the address is locked.
            EmailNotVerifiedError, TotpRequiredError: they are right, and something is missing.
            HashingBusyError: too many log-ins at once.
            SecretUnreadableError: a JWT_SECRET is missing.
        """
        key = email_key(login.email)
        async with counted_attempt(self._database, self._passwords, key) as found:
            stored: str | None = found.password_hash if found.is_counted and found.is_active else None
            is_right = await self._passwords.verify(stored, login.password)
        if not is_right or stored is None:
            raise InvalidCredentialsError
        if self._requires_verification and found.email_verified_at is None:
            await self._database.once(lambda session: take_back_attempt(session, key))
            raise EmailNotVerifiedError
        if found.has_second_factor and login.totp_code is None:
            await self._database.once(lambda session: take_back_attempt(session, key))
            raise TotpRequiredError
        try:
            granted = await self._begin_for(found, login, client, stored=stored)
        except (HashingBusyError, SecretUnreadableError):  # no guess: the password was right
            await self._database.once(lambda session: take_back_attempt(session, key))
            raise
        if found.has_second_factor:  # a recovery code may have been used, which is told by mail
            self._mails.wake()
        return await self._tokens.issue(granted)

    async def _begin_for(self, found: AnyRow, login: Login, client: Client, *, stored: str) -> Granted:
        try:
            return await self._begin_with_password(found, login, client, stored=stored)
        except _HashReplacedError:
            # By another log-in of the same moment, which renewed it, or by a new password: the hash of now tells which.
            current = await self._database.read(lambda session: find_password_hash(session, found.id))
            if current is None or not await self._passwords.verify(current, login.password):
                raise InvalidCredentialsError from None
            return await self._begin_with_password(found, login, client, stored=current)

    async def _begin_with_password(self, found: AnyRow, login: Login, client: Client, *, stored: str) -> Granted:
        """Begin a session for whom ``stored`` was verified, and renew it where it is weak.

        Only now, with the password at hand, can its length be noted, for accounts from before that was done.
        """
        renewed = await self._passwords.renewed(stored, login.password)
        kept = renewed or stored
        is_noted = renewed is None and found.password_is_long == is_long(login.password)
        authenticated_at = dt.datetime.now(dt.UTC)

        async def begin(session: AsyncSession) -> Granted:
            amr = ["pwd"]
            if found.has_second_factor and login.totp_code is not None:
                amr += await self._second_factors.check(session, found.id, login.totp_code, client)
            if not is_noted and not await replace_password(
                session, found.id, old_hash=stored, new_hash=kept, is_long=is_long(login.password)
            ):
                raise _HashReplacedError
            return await self.begin(
                session,
                Proof("password_hash", kept, found.role),
                user_id=found.id,
                amr=amr,
                client=client,
                authenticated_at=authenticated_at,
                email_key=email_key(login.email),
            )

        return await self._database.write(begin)

    async def begin(
        self,
        session: AsyncSession,
        proof: Proof,
        *,
        user_id: uuid.UUID,
        amr: list[str],
        client: Client,
        authenticated_at: dt.datetime,
        email_key: str | None = None,
    ) -> Granted:
        """Begin a session for somebody who has proved who they are, and forget the failures counted for the address.

        Raises:
            InvalidCredentialsError: the account was closed meanwhile, or has not any more what ``proof`` says.
        """
        now = dt.datetime.now(dt.UTC)
        new = repository.NewSession(
            user_id=user_id,
            proof=proof,
            key_id=self._secrets.current.key_id,
            amr=amr,
            user_agent=client.user_agent,
            ip=client.ip,
            authenticated_at=authenticated_at,
            idle_expires_at=now + IDLE,
            expires_at=now + ABSOLUTE,
        )
        begun = await repository.add_session(session, new, email_key=email_key)
        if begun is None:
            raise InvalidCredentialsError
        return Granted(
            session_id=begun.id,
            user_id=user_id,
            role=proof.role,
            authenticated_at=begun.authenticated_at,
            amr=begun.amr,
            key_id=begun.key_id,
            counter=begun.refresh_counter,
            idle_expires_at=new.idle_expires_at,
        )

    async def refresh(self, text: str) -> Tokens:
        """The next pair of tokens.

        Raises:
            RefreshTokenInvalidError: also when the token was used before; its session is then ended, with every
                token that came of it.
        """
        token = RefreshToken.parse(text)

        async def rotate(session: AsyncSession) -> Granted | None:
            now = dt.datetime.now(dt.UTC)
            found = await repository.lock_session(session, token.session_id)
            if found is None or not self._is_usable(found, token, now):
                raise RefreshTokenInvalidError
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
            await self._mails.post(session, found.user_id, MailKind.SESSION_REUSED)
            return None

        granted = await self._database.write(rotate)
        if granted is None:  # it was used before: its owner is told
            self._mails.wake()
            raise RefreshTokenInvalidError
        return await self._tokens.issue(granted)

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

    async def list(self, person: Principal, keyset: Keyset) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the person's living sessions, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_sessions(
                session, person.user_id, current_id=person.session_id, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def end(self, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
        """End one of the person's sessions; its access token ends by itself within ten minutes.

        Raises:
            SessionNotFoundError: also when it is somebody else's, or has ended.
        """

        async def end(session: AsyncSession) -> None:
            now = dt.datetime.now(dt.UTC)
            reason = "ended_by_its_owner"
            if not await repository.revoke_own_session(session, session_id, user_id, now=now, reason=reason):
                raise SessionNotFoundError
            subject = {"session_id": session_id, "user_id": user_id}
            await record_event(session, "session.ended", actor_id=user_id, subject=subject)

        await self._database.write(end)

    def _is_genuine(self, found: AnyRow, token: RefreshToken) -> bool:
        secret = self._secrets.find(found.key_id)
        return secret is not None and token.is_genuine(secret.refresh_key)

    def _is_usable(self, found: AnyRow, token: RefreshToken, now: dt.datetime) -> bool:
        living = found.revoked_at is None and found.is_active
        return living and now < min(found.idle_expires_at, found.expires_at) and self._is_genuine(found, token)


def _granted(found: AnyRow, *, counter: int, idle_expires_at: dt.datetime) -> Granted:
    return Granted(
        session_id=found.id,
        user_id=found.user_id,
        role=found.role,
        authenticated_at=found.authenticated_at,
        amr=found.amr,
        key_id=found.key_id,
        counter=counter,
        idle_expires_at=idle_expires_at,
    )
