"""The rules of what developers see."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.web import Keyset
from installation_service.developers import repository
from installation_service.developers.ownership import check_owner


class DeveloperService:
    """Shows developers who has their cats, and how talking to them went."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def installations(
        self, developer_id: uuid.UUID, cat_id: uuid.UUID, *, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the cat's installations, newest first, and the cursor of the next.

        Raises:
            OwnCatNotFoundError
        """

        async def read(session: AsyncSession) -> Sequence[AnyRow]:
            await check_owner(session, developer_id, cat_id)
            return await repository.list_installations(session, cat_id, after=keyset.after, limit=keyset.limit + 1)

        return keyset.page(await self._database.read(read), lambda row: (row.created_at, row.id))

    async def interactions(
        self, developer_id: uuid.UUID, cat_id: uuid.UUID, *, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the cat's interactions, newest first, and the cursor of the next.

        Raises:
            OwnCatNotFoundError
        """

        async def read(session: AsyncSession) -> Sequence[AnyRow]:
            await check_owner(session, developer_id, cat_id)
            return await repository.list_interactions(session, cat_id, after=keyset.after, limit=keyset.limit + 1)

        return keyset.page(await self._database.read(read), lambda row: (row.at, row.id))
