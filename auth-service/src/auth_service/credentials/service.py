"""The rules of changing a password, and of becoming a developer, who needs a stronger one."""

import datetime as dt
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import (
    AccountGoneError,
    InvalidCredentialsError,
    LongerPasswordNeededError,
    PasswordTooWeakError,
)
from auth_service.accounts.passwords import Passwords, check_password, is_long
from auth_service.accounts.repository import is_protected, read_profile, replace_password
from auth_service.audit.repository import record_own
from auth_service.client import Client
from auth_service.credentials import repository
from auth_service.credentials.schemas import PasswordChange
from auth_service.login_attempts.repository import forget_attempts
from auth_service.login_attempts.service import counted_attempt
from auth_service.mails.letters import MailKind
from auth_service.mails.service import MailService
from auth_service.sessions.repository import revoke_sessions_of
from cathouse.database import AnyRow, Database
from cathouse.schema import LONG_PASSWORD, Role


class CredentialsService:
    """Changes passwords, and makes players developers."""

    def __init__(self, database: Database, passwords: Passwords, mails: MailService) -> None:
        self._database = database
        self._passwords = passwords
        self._mails = mails

    async def become_developer(self, user_id: uuid.UUID, password: str | None, client: Client) -> AnyRow:
        """Make a player a developer, and return the profile; who is one already stays one.

        A developer's password is long, or there is a second factor: ``password`` replaces one that is too short, and
        ends every session as any change does.

        Raises:
            PasswordTooWeakError, AccountGoneError, HashingBusyError: nothing was changed.
        """
        found = await self._database.read(lambda session: repository.find_credentials(session, user_id))
        if found is None:
            raise AccountGoneError
        # Without a password (Clerk) there is none to be too short.
        is_strong = found.password_hash is None or found.password_is_long or found.has_second_factor
        if password is None and not is_strong:
            raise PasswordTooWeakError(
                f"A developer needs a password of at least {LONG_PASSWORD} characters, and yours is shorter. Send a new"
                ' one: {"password": …}, or set up a second factor first.'
            )
        new_hash = None
        if password is not None:
            words = (found.email_key, found.display_name)
            check_password(password, role=Role.DEVELOPER, words=words, has_second_factor=found.has_second_factor)
            new_hash = await self._passwords.hash(password)

        async def become(session: AsyncSession) -> AnyRow:
            if new_hash is not None and password is not None:
                await self._set_password(
                    session, user_id, found, new_hash=new_hash, is_long=is_long(password), client=client
                )
            if await repository.become_developer(session, user_id):
                detail = {"from": Role.PLAYER, "to": Role.DEVELOPER}
                await record_own(session, "user.role_changed", user_id, client, detail=detail)
            await _check_protected(session, user_id, Role.DEVELOPER)
            return await read_profile(session, user_id)

        profile = await self._database.write(become)
        self._mails.wake()
        return profile

    async def change_password(self, user_id: uuid.UUID, change: PasswordChange, client: Client) -> None:
        """Replace the password, and log the person out everywhere: whoever else knew the old one is out as well.

        A wrong present password counts like one at the log-in.

        Raises:
            PasswordTooWeakError, InvalidCredentialsError, AccountGoneError, HashingBusyError: nothing was changed.
        """
        found = await self._database.read(lambda session: repository.find_credentials(session, user_id))
        if found is None:
            raise AccountGoneError
        check_password(
            change.password,
            role=Role(found.role),
            words=(found.email_key, found.display_name),
            has_second_factor=found.has_second_factor,
        )
        async with counted_attempt(self._database, self._passwords, found.email_key) as attempt:
            stored = found.password_hash if attempt.is_counted else None
            if not await self._passwords.verify(stored, change.current_password):
                raise InvalidCredentialsError
            new_hash = await self._passwords.hash(change.password)

        async def replace(session: AsyncSession) -> None:
            await self._set_password(
                session, user_id, found, new_hash=new_hash, is_long=is_long(change.password), client=client
            )
            await _check_protected(session, user_id, Role(found.role))

        await self._database.write(replace)
        self._mails.wake()

    async def _set_password(
        self,
        session: AsyncSession,
        user_id: uuid.UUID,
        found: AnyRow,
        *,
        new_hash: str,
        is_long: bool,
        client: Client,
    ) -> None:
        if not await replace_password(
            session, user_id, old_hash=found.password_hash, new_hash=new_hash, is_long=is_long
        ):
            raise InvalidCredentialsError
        now = dt.datetime.now(dt.UTC)
        await revoke_sessions_of(session, user_id, now=now, reason="password_changed")
        await forget_attempts(session, found.email_key)
        await record_own(session, "user.password_changed", user_id, client)
        await self._mails.post(session, user_id, MailKind.PASSWORD_CHANGED)


async def _check_protected(session: AsyncSession, user_id: uuid.UUID, role: Role) -> None:
    # The second factor that a short password was allowed for may be gone by now.
    if not await is_protected(session, user_id):
        raise LongerPasswordNeededError(role, LONG_PASSWORD)
