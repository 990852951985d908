"""The rules of what developers see."""

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.web import Keyset
from installation_service.developers import repository
from installation_service.developers.errors import EventNotFoundError
from installation_service.developers.ownership import check_owner
from installation_service.lifecycle.service import LifecycleService


class _ListRows(Protocol):
    """What the repository's lists have in common: a page of what there is of a cat."""

    async def __call__(
        self, session: AsyncSession, cat_id: uuid.UUID, *, after: tuple[Any, ...] | None, limit: int
    ) -> Sequence[AnyRow]: ...


class DeveloperService:
    """Shows developers who has their cats, how talking to them went, and what they were told."""

    def __init__(self, database: Database, lifecycle: LifecycleService) -> None:
        self._database = database
        self._lifecycle = lifecycle

    async def installations(
        self, developer_id: uuid.UUID, cat_id: uuid.UUID, *, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the cat's installations, newest first, and the cursor of the next.

        Raises:
            OwnCatNotFoundError
        """
        rows = await self._list(repository.list_installations, developer_id, cat_id, keyset)
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def interactions(
        self, developer_id: uuid.UUID, cat_id: uuid.UUID, *, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the cat's interactions, newest first, and the cursor of the next.

        Raises:
            OwnCatNotFoundError
        """
        rows = await self._list(repository.list_interactions, developer_id, cat_id, keyset)
        return keyset.page(rows, lambda row: (row.at, row.id))

    async def events(
        self, developer_id: uuid.UUID, cat_id: uuid.UUID, *, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the events of the developer's cat, newest first, and the cursor of the next.

        Raises:
            OwnCatNotFoundError
        """
        rows = await self._list(repository.list_events, developer_id, cat_id, keyset)
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def resend_event(self, developer_id: uuid.UUID, cat_id: uuid.UUID, event_id: uuid.UUID) -> AnyRow:
        """Deliver an event now, also one that was delivered or given up, and return it as it is before that.

        Raises:
            EventNotFoundError
        """
        found = await self._database.write(lambda session: repository.resend(session, event_id, cat_id, developer_id))
        if found is None:
            raise EventNotFoundError
        self._lifecycle.wake()
        return found

    async def _list(
        self, list_rows: _ListRows, developer_id: uuid.UUID, cat_id: uuid.UUID, keyset: Keyset
    ) -> Sequence[AnyRow]:
        async def read(session: AsyncSession) -> Sequence[AnyRow]:
            await check_owner(session, cat_id, developer_id)
            return await list_rows(session, cat_id, after=keyset.after, limit=keyset.limit + 1)

        return await self._database.read(read)
