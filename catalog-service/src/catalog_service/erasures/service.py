"""The rules of forgetting a person in the catalog."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.erasures import repository
from catalog_service.search_index import repository as search_index
from cathouse.database import Database, record_events, write_portions
from cathouse.schema import DEVELOPER_GONE


class ErasureService:
    """Forgets people: each step looks for what is left to do, so it can be begun again at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, user_id: uuid.UUID) -> None:
        """Stop the person's cats for good, and remove what is personal in this slice.

        Drafts that nobody ever installed go altogether. auth-service calls this several times, also at once: what was
        done changes nothing more, and what a token that is still valid made since is done then.

        Raises:
            ServiceError: as ``Database.write``; a repetition goes on where this one ended.
        """

        async def delete_drafts(session: AsyncSession) -> int:
            drafts = await repository.lock_unused_drafts(session, user_id)
            if drafts:
                deleted = await repository.delete_unused(session, drafts)
                await _record(session, "cat.deleted", deleted)
            return len(drafts)

        async def suspend_cats(session: AsyncSession) -> int:
            cats = await repository.lock_cats(session, user_id)
            if cats:
                await repository.suspend_for_good(session, [cat.id for cat in cats])
                for cat in cats:
                    await search_index.refresh(session, cat.id)
                suspended = [cat.id for cat in cats if cat.suspension_reason != DEVELOPER_GONE]
                await _record(session, "cat.suspended", suspended)
            return len(cats)

        await write_portions(self._database, delete_drafts)
        await write_portions(self._database, suspend_cats)
        await write_portions(self._database, lambda session: repository.blank_reports(session, user_id))
        await write_portions(self._database, lambda session: repository.delete_idempotency_keys(session, user_id))


async def _record(session: AsyncSession, action: str, cat_ids: Sequence[uuid.UUID]) -> None:
    """Nobody is the actor: the person is gone, and no admin had a hand in it."""
    await record_events(
        session,
        action,
        actor_id=None,
        subjects=[{"cat_id": cat_id} for cat_id in cat_ids],
        detail={"reason": DEVELOPER_GONE},
    )
