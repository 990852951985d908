"""The rules of registration."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.addresses import email_key
from auth_service.accounts.errors import EmailTakenError
from auth_service.accounts.passwords import Passwords, check_password, is_long
from auth_service.accounts.repository import NewUser, add_user, read_profile
from auth_service.answer_times import REGISTRATION_S, takes_at_least
from auth_service.audit.repository import record_own
from auth_service.client import Client
from auth_service.mails.service import MailService
from auth_service.recovery.service import RecoveryService
from auth_service.registration.schemas import Registration
from cathouse.database import AnyRow, Database
from cathouse.schema import Role

OPERATOR = Client(user_agent=None, ip=None)
"""From where the operator's command calls."""


class RegistrationService:
    """Makes accounts."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        mails: MailService,
        recovery: RecoveryService,
        *,
        requires_verification: bool,
    ) -> None:
        """``requires_verification``: nobody is told whether an address is taken."""
        self._database = database
        self._passwords = passwords
        self._mails = mails
        self._recovery = recovery
        self._requires_verification = requires_verification

    async def register(self, registration: Registration, client: Client) -> AnyRow | None:
        """Make an account, mail a token that verifies its address, and return its profile.

        Where verification is required there is no profile, and a taken address is told to its owner alone.

        Raises:
            PasswordTooWeakError, EmailTakenError, HashingBusyError: nothing was made.
        """
        making = self._make(registration, role=registration.role, action="user.registered", client=client)
        if not self._requires_verification:
            return await making
        async with takes_at_least(REGISTRATION_S):
            try:
                await making
            except EmailTakenError:
                await self._recovery.tell_of_registration(registration.email)
        return None

    async def create_admin(self, registration: Registration) -> AnyRow:
        """Make an account that nobody can register as; for the operator's command.

        Raises:
            PasswordTooWeakError, EmailTakenError: nothing was made.
        """
        return await self._make(registration, role=Role.ADMIN, action="admin.created", client=OPERATOR)

    async def _make(self, registration: Registration, *, role: Role, action: str, client: Client) -> AnyRow:
        words = (registration.email, registration.display_name)
        check_password(registration.password, role=role, words=words)
        new = NewUser(
            email=registration.email,
            email_key=email_key(registration.email),
            password_hash=await self._passwords.hash(registration.password),
            password_is_long=is_long(registration.password),
            display_name=registration.display_name,
            role=role,
            # An admin is made by the operator, who vouches for the address.
            email_verified_at=dt.datetime.now(dt.UTC) if role is Role.ADMIN else None,
        )

        async def make(session: AsyncSession) -> AnyRow:
            user_id = await add_user(session, new)
            if new.email_verified_at is None:
                await self._recovery.post_verification(session, user_id)
            await record_own(session, action, user_id, client)
            return await read_profile(session, user_id)

        made = await self._database.write(make)
        self._mails.wake()
        return made
