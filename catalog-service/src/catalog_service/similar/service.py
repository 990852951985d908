"""The rules of similar cats."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats.ownership import visible_cat
from catalog_service.similar import repository
from catalog_service.similar.schemas import Basis
from cathouse.database import AnyRow, Database
from cathouse.identity import Principal


class SimilarService:
    """Finds cats like a cat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, reference: uuid.UUID | str, person: Principal | None, *, limit: int
    ) -> tuple[Sequence[AnyRow], Basis]:
        """Published cats like the one with this id or slug, and what they were compared by.

        By meaning when the cat has a vector and another one has; else by words and tags.

        Raises:
            CatNotFoundError: also when the person may not know of it.
        """

        async def find(session: AsyncSession) -> tuple[Sequence[AnyRow], Basis]:
            cat = await visible_cat(session, reference, person)
            if rows := await repository.find_by_meaning(session, cat.id, limit=limit):
                return rows, "meaning"
            return await repository.find_by_text(session, cat.id, limit=limit), "text"

        return await self._database.read(find)
