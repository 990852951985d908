"""The rules of signing in through Clerk."""

import datetime as dt
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.addresses import email_key
from auth_service.accounts.errors import EmailTakenError, InvalidCredentialsError
from auth_service.accounts.repository import NewUser, add_user
from auth_service.audit.repository import record_own
from auth_service.clerk import repository
from auth_service.clerk.errors import ClerkNotConfiguredError
from auth_service.clerk.schemas import ClerkExchange
from auth_service.clerk.tokens import ClerkIdentity, ClerkTokens
from auth_service.client import Client
from auth_service.login_attempts.repository import count_attempt, take_back_attempt
from auth_service.mails.service import MailService
from auth_service.second_factor.errors import SecretUnreadableError, TotpRequiredError
from auth_service.second_factor.service import SecondFactorService
from auth_service.sessions.errors import EmailNotVerifiedError
from auth_service.sessions.repository import Proof
from auth_service.sessions.schemas import Tokens
from auth_service.sessions.service import SessionService
from auth_service.sessions.tokens import Granted, TokenIssuer
from cathouse.database import AnyRow, Database
from cathouse.schema import Role

AMR = "clerk"
"""How such a session says who checked the person; RFC 8176 has no word for it."""


class ClerkService:
    """Logs in whom Clerk vouches for. Without ``tokens`` nobody is."""

    def __init__(
        self,
        database: Database,
        tokens: ClerkTokens | None,
        sessions: SessionService,
        second_factors: SecondFactorService,
        issuer: TokenIssuer,
        mails: MailService,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._sessions = sessions
        self._second_factors = second_factors
        self._issuer = issuer
        self._mails = mails

    async def exchange(self, body: ClerkExchange, client: Client) -> Tokens:
        """Begin a session for Clerk's person; the first time an account is made, or the one with the address is linked.

        Linked only when both sides have verified the address: otherwise whoever registered it first could keep a
        password to somebody else's account.

        Raises:
            ClerkNotConfiguredError, ClerkTokenInvalidError, ClerkClaimsMissingError, KeysUnavailableError
            EmailNotVerifiedError: Clerk has not verified the address; whether there is an account with it is not told.
            EmailTakenError: there is an account that cannot be linked.
            TotpRequiredError, InvalidCredentialsError
            SecretUnreadableError: a JWT_SECRET is missing.
        """
        if self._tokens is None:
            raise ClerkNotConfiguredError
        identity = await self._tokens.read(body.token)
        key = email_key(identity.email)
        counted = await self._count(identity, key) if body.totp_code is not None else None

        async def begin(session: AsyncSession) -> Granted:
            account = await self._account(session, identity, key, client)
            amr = [AMR, "mfa"] if identity.has_second_factor else [AMR]
            if account.has_second_factor and not identity.has_second_factor:
                if body.totp_code is None or counted is None:
                    raise TotpRequiredError
                amr += await self._second_factors.check(session, account.id, body.totp_code, client)
            return await self._sessions.begin(
                session,
                Proof("clerk_user_id", identity.clerk_user_id, account.role),
                user_id=account.id,
                amr=amr,
                client=client,
                authenticated_at=identity.authenticated_at,
                email_key=counted,
            )

        try:
            granted = await self._begin(begin)
        except SecretUnreadableError:  # no guess: nobody looked at the code
            if counted is not None:
                await self._database.once(lambda session: take_back_attempt(session, counted))
            raise
        self._mails.wake()
        return await self._issuer.issue(granted)

    async def _begin(self, begin: Callable[[AsyncSession], Awaitable[Granted]]) -> Granted:
        try:
            return await self._database.write(begin)
        except EmailTakenError:
            # Perhaps by the same person in this instant: then it is found now.
            return await self._database.write(begin)

    async def _count(self, identity: ClerkIdentity, key: str) -> str | None:
        """Count a code before it is checked, under the address of the account that it would open, and return that.

        Not under Clerk's address: who changes it there would get a new count for each guess, and could have the
        failures at somebody else's address forgotten. None when no code will be looked at.

        Raises:
            InvalidCredentialsError: the address is locked.
        """
        found = await self._database.read(
            lambda session: repository.find_account(session, clerk_user_id=identity.clerk_user_id, email_key=key)
        )
        if found is None or not found.has_second_factor or identity.has_second_factor:
            return None
        if found.clerk_user_id != identity.clerk_user_id and not identity.email_verified:
            return None  # it will be refused
        account_key: str = found.email_key
        attempt = await self._database.once(lambda session: count_attempt(session, account_key))
        if not attempt.is_counted:
            raise InvalidCredentialsError
        return account_key

    async def _account(self, session: AsyncSession, identity: ClerkIdentity, key: str, client: Client) -> AnyRow:
        found = await repository.find_account(session, clerk_user_id=identity.clerk_user_id, email_key=key)
        if found is None or found.clerk_user_id != identity.clerk_user_id:
            if not identity.email_verified:
                raise EmailNotVerifiedError("Clerk has not verified the e-mail address. Verify it there first.")
            if found is None:
                await self._create(session, identity, key, client)
            elif await repository.link(session, found.id, identity.clerk_user_id):
                await record_own(session, "user.clerk_linked", found.id, client)
            else:
                raise EmailTakenError
        found = await repository.find_account(session, clerk_user_id=identity.clerk_user_id, email_key=key)
        if found is None or not found.is_active:
            raise InvalidCredentialsError
        return found

    async def _create(self, session: AsyncSession, identity: ClerkIdentity, key: str, client: Client) -> None:
        new = NewUser(
            email=identity.email,
            email_key=key,
            display_name=identity.name or identity.email.partition("@")[0],
            role=Role.PLAYER,
            clerk_user_id=identity.clerk_user_id,
            email_verified_at=dt.datetime.now(dt.UTC),
        )
        user_id = await add_user(session, new)
        await record_own(session, "user.registered", user_id, client)
