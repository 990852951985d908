"""The rules of verification, reset and change of address."""

import datetime as dt
import uuid

from sqlalchemy import ColumnElement, and_
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.addresses import email_key, masked
from auth_service.accounts.errors import LongerPasswordNeededError
from auth_service.accounts.passwords import Passwords, check_password, is_long
from auth_service.accounts.repository import is_protected
from auth_service.answer_times import MAIL_S, takes_at_least
from auth_service.audit.repository import record_own
from auth_service.client import Client
from auth_service.login_attempts.repository import forget_attempts
from auth_service.mails.letters import MailKind
from auth_service.mails.sealed import SealedMail
from auth_service.mails.service import MailService
from auth_service.recovery import repository
from auth_service.recovery.errors import TokenInvalidError
from auth_service.recovery.tokens import LIVES, NewToken, hash_of, make_token
from auth_service.sessions.repository import revoke_sessions_of
from cathouse.database import Database
from cathouse.schema import LONG_PASSWORD, Role, TokenPurpose, User

_OF_AN_ADDRESS = (TokenPurpose.VERIFY_EMAIL, TokenPurpose.CHANGE_EMAIL)


class RecoveryService:
    """Sends tokens by mail, and does what they allow."""

    def __init__(self, database: Database, passwords: Passwords, mails: MailService) -> None:
        self._database = database
        self._passwords = passwords
        self._mails = mails

    async def forgot(self, email: str) -> None:
        """Mail a token that sets a new password, if there is such an account; nobody is told whether there is.

        Raises:
            MailNotConfiguredError
        """
        async with takes_at_least(MAIL_S):
            await self._issue(User.email_key == email_key(email), TokenPurpose.RESET_PASSWORD, MailKind.RESET_PASSWORD)

    async def tell_of_registration(self, email: str) -> None:
        """Mail the owner of a taken address that somebody tried to register with it."""
        await self._issue(User.email_key == email_key(email), TokenPurpose.RESET_PASSWORD, MailKind.ACCOUNT_EXISTS)

    async def send_verification(self, *, user_id: uuid.UUID | None = None, email: str | None = None) -> None:
        """Mail a token that verifies the address of ``user_id`` or of ``email``, if that is still to be done.

        Raises:
            MailNotConfiguredError
        """
        whose = User.id == user_id if email is None else User.email_key == email_key(email)
        unverified = and_(whose, User.email_verified_at.is_(None))
        async with takes_at_least(MAIL_S):
            await self._issue(unverified, TokenPurpose.VERIFY_EMAIL, MailKind.VERIFY_EMAIL)

    async def post_verification(self, session: AsyncSession, user_id: uuid.UUID) -> None:
        """The same as part of a registration. Where no mail is sent, there is none to wait for."""
        if self._mails.is_configured:
            token, mail = self._token(TokenPurpose.VERIFY_EMAIL, MailKind.VERIFY_EMAIL)
            await repository.issue(session, User.id == user_id, token, mail)

    async def request_email_change(self, user_id: uuid.UUID, email: str, client: Client) -> None:
        """Mail a token to ``email`` that makes it the person's address.

        Whether somebody has that address is not told here: the token's spending says it to who reads its mails.

        Raises:
            MailNotConfiguredError
        """
        self._mails.check_configured()
        token, mail = self._token(TokenPurpose.CHANGE_EMAIL, MailKind.CHANGE_EMAIL, to=email)

        async def request(session: AsyncSession) -> None:
            await repository.issue(session, User.id == user_id, token, mail, email=email)
            await record_own(session, "user.email_change_requested", user_id, client)

        await self._database.write(request)
        self._mails.wake()

    async def reset(self, text: str, password: str, client: Client) -> None:
        """Set a new password with a mailed token, and log the person out everywhere. It verifies the address.

        A second factor stays and is asked for at the next log-in, unless the address was not verified before: then
        whoever set it up, API keys and a link to Clerk never proved to be the person, and all that is removed.

        Raises:
            TokenInvalidError, PasswordTooWeakError, HashingBusyError: nothing was changed.
        """
        token_hash = hash_of(text)
        purpose = TokenPurpose.RESET_PASSWORD
        found = await self._database.read(lambda session: repository.find_token(session, token_hash, purpose))
        if found is None:
            raise TokenInvalidError
        check_password(
            password,
            role=Role(found.role),
            words=(found.email_key, found.display_name),
            has_second_factor=found.has_second_factor,
        )
        password_hash = await self._passwords.hash(password)

        async def replace(session: AsyncSession) -> None:
            person = await repository.lock_person(session, token_hash, purpose)
            if person is None or await repository.spend(session, token_hash, purpose) is None:
                raise TokenInvalidError
            if person.email_verified_at is None:
                await repository.take_over(session, person.id)
                await repository.verify_email(session, person.id)
            await repository.set_password(session, person.id, password_hash=password_hash, is_long=is_long(password))
            # The second factor that a short password was allowed for may just have been removed.
            if not await is_protected(session, person.id):
                raise LongerPasswordNeededError(Role(found.role), LONG_PASSWORD)
            await repository.void_tokens(session, person.id)
            now = dt.datetime.now(dt.UTC)
            await revoke_sessions_of(session, person.id, now=now, reason="password_reset")
            await forget_attempts(session, person.email_key)
            await record_own(session, "user.password_reset", person.id, client)
            await self._mails.post(session, person.id, MailKind.PASSWORD_CHANGED)

        await self._database.write(replace)
        self._mails.wake()

    async def verify(self, text: str, client: Client) -> None:
        """Spend a token that verifies an address, or changes it.

        Raises:
            TokenInvalidError, EmailTakenError: nothing was changed.
        """
        token_hash = hash_of(text)

        async def spend(session: AsyncSession) -> None:
            person = await repository.lock_person(session, token_hash, *_OF_AN_ADDRESS)
            spent = await repository.spend(session, token_hash, *_OF_AN_ADDRESS)
            if spent is None or person is None:
                raise TokenInvalidError
            if spent.purpose == TokenPurpose.CHANGE_EMAIL:
                await self._change(session, person.id, old=person.email, new=spent.email, client=client)
            elif spent.email == person.email_key:
                await repository.verify_email(session, person.id)
                await record_own(session, "user.email_verified", person.id, client)
            else:  # the address that it was about is not the person's any more
                raise TokenInvalidError

        await self._database.write(spend)
        self._mails.wake()

    async def _change(self, session: AsyncSession, user_id: uuid.UUID, *, old: str, new: str, client: Client) -> None:
        await repository.change_email(session, user_id, email=new, email_key=email_key(new))
        # What was sent to the old address must not open the account any more.
        await repository.void_tokens(session, user_id)
        await record_own(session, "user.email_changed", user_id, client)
        await self._mails.post(session, user_id, MailKind.EMAIL_CHANGED, to=old, masked=masked(new))

    async def _issue(self, whose: ColumnElement[bool], purpose: TokenPurpose, kind: MailKind) -> None:
        self._mails.check_configured()
        token, mail = self._token(purpose, kind)
        await self._database.write(lambda session: repository.issue(session, whose, token, mail))
        self._mails.wake()

    def _token(self, purpose: TokenPurpose, kind: MailKind, *, to: str | None = None) -> tuple[NewToken, SealedMail]:
        token = make_token(purpose)
        return token, self._mails.seal(kind, {"token": token.text}, to=to, life=LIVES[purpose])
