"""The rules of accounts."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import repository
from auth_service.accounts.errors import AccountGoneError
from auth_service.accounts.passwords import Passwords, check_password
from auth_service.accounts.schemas import ProfileChange, Registration
from cathouse.database import AnyRow, Database, record_event
from cathouse.schema import Role


def email_key(email: str) -> str:
    """What makes an address unique: the same whatever its case."""
    return email.strip().lower()


class AccountService:
    """Registers people and keeps their profiles."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def register(self, registration: Registration) -> AnyRow:
        """Make an account and return its profile.

        Raises:
            PasswordTooWeakError, EmailTakenError, HashingBusyError: nothing was made.
        """
        return await self._make(registration, role=registration.role, action="user.registered")

    async def create_admin(self, registration: Registration) -> AnyRow:
        """Make an account that nobody can register as; for the operator's command.

        Raises:
            PasswordTooWeakError, EmailTakenError: nothing was made.
        """
        return await self._make(registration, role=Role.ADMIN, action="admin.created")

    async def _make(self, registration: Registration, *, role: Role, action: str) -> AnyRow:
        check_password(registration.password, role=role)
        password_hash = await self._passwords.hash(registration.password)

        async def make(session: AsyncSession) -> AnyRow:
            user_id = await repository.add_user(
                session,
                email=registration.email,
                email_key=email_key(registration.email),
                password_hash=password_hash,
                display_name=registration.display_name,
                role=role,
            )
            await record_event(session, action, actor_id=user_id, subject={"user_id": user_id})
            return await _profile(session, user_id)

        return await self._database.write(make)

    async def profile(self, user_id: uuid.UUID) -> AnyRow:
        """The account of ``user_id``.

        Raises:
            AccountGoneError: when it is not there any more.
        """
        return await self._database.read(lambda session: _profile(session, user_id))

    async def change_profile(self, user_id: uuid.UUID, change: ProfileChange) -> AnyRow:
        """Change what was sent and return the profile.

        Raises:
            AccountGoneError: when it is not there any more.
        """
        changes = change.model_dump(exclude_none=True)

        async def apply(session: AsyncSession) -> AnyRow:
            await repository.change_profile(session, user_id, changes)
            return await _profile(session, user_id)

        return await self._database.write(apply)


async def _profile(session: AsyncSession, user_id: uuid.UUID) -> AnyRow:
    profile = await repository.find_profile(session, user_id)
    if profile is None:
        raise AccountGoneError
    return profile
