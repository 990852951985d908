"""The rules of moderation: only an admin stops a cat, and only an admin lets it go on."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository as cats
from catalog_service.cats.errors import TransitionNotAllowedError
from catalog_service.cats.ownership import existing_cat, lock_cat
from catalog_service.moderation import repository
from catalog_service.moderation.errors import DeveloperGoneError
from cathouse.database import AnyRow, Database, record_event
from cathouse.schema import DEVELOPER_GONE, Cat, CatStatus, ModerationAction
from cathouse.web import Keyset


class ModerationService:
    """Suspends and reinstates cats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def suspend(self, admin_id: uuid.UUID, cat_id: uuid.UUID, reason: str) -> AnyRow:
        """Stop a cat for everybody, from the next request on.

        Raises:
            CatNotFoundError, TransitionNotAllowedError: nothing was changed.
        """

        async def suspend(session: AsyncSession) -> AnyRow:
            cat = await lock_cat(session, Cat.id == cat_id)
            if cat.status == CatStatus.SUSPENDED:
                gone = cat.suspension_reason == DEVELOPER_GONE
                raise TransitionNotAllowedError(cat.status, [] if gone else ["reinstate"])
            stopped = {
                "status": CatStatus.SUSPENDED,
                "suspension_reason": reason,
                "status_before_suspension": cat.status,
            }
            await cats.change_cat(session, cat_id, stopped)
            await repository.note(session, cat_id, ModerationAction.SUSPENDED, reason=reason)
            await record_event(
                session, "cat.suspended", actor_id=admin_id, subject={"cat_id": cat_id}, detail={"reason": reason}
            )
            return await existing_cat(session, cat_id)

        return await self._database.write(suspend)

    async def reinstate(self, admin_id: uuid.UUID, cat_id: uuid.UUID) -> AnyRow:
        """Put a suspended cat back where it was.

        Raises:
            CatNotFoundError, TransitionNotAllowedError, DeveloperGoneError: nothing was changed.
        """

        async def reinstate(session: AsyncSession) -> AnyRow:
            cat = await lock_cat(session, Cat.id == cat_id)
            if cat.status != CatStatus.SUSPENDED:
                raise TransitionNotAllowedError(cat.status, ["suspend"])
            if cat.suspension_reason == DEVELOPER_GONE:
                raise DeveloperGoneError
            as_before = {
                "status": cat.status_before_suspension,
                "suspension_reason": None,
                "status_before_suspension": None,
            }
            await cats.change_cat(session, cat_id, as_before)
            await repository.note(session, cat_id, ModerationAction.REINSTATED, reason=None)
            await record_event(session, "cat.reinstated", actor_id=admin_id, subject={"cat_id": cat_id})
            return await existing_cat(session, cat_id)

        return await self._database.write(reinstate)

    async def log(self, keyset: Keyset) -> tuple[Sequence[AnyRow], str | None]:
        """One page of what admins did with cats, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_entries(session, after=keyset.after, limit=keyset.limit + 1)
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))
