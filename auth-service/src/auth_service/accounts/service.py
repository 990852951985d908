"""The rules of accounts."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import repository
from auth_service.accounts.schemas import ProfileChange
from cathouse.database import AnyRow, Database


class AccountService:
    """Shows people their accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def profile(self, user_id: uuid.UUID) -> AnyRow:
        """The account of ``user_id``.

        Raises:
            AccountGoneError: when it is not there any more.
        """
        return await self._database.read(lambda session: repository.read_profile(session, user_id))

    async def change_profile(self, user_id: uuid.UUID, change: ProfileChange) -> AnyRow:
        """Change what was sent and return the profile.

        Raises:
            AccountGoneError: when it is not there any more.
        """
        changes = change.model_dump(exclude_none=True)

        async def apply(session: AsyncSession) -> AnyRow:
            await repository.change_user(session, user_id, changes)
            return await repository.read_profile(session, user_id)

        return await self._database.write(apply)
