"""Reading the audit. Writing to it is everybody's: ``cathouse.database.record_event``."""

import uuid
from collections.abc import Sequence

from auth_service.audit import repository
from cathouse.database import AnyRow, Database
from cathouse.web import Keyset


class AuditService:
    """Shows what was done."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, *, actor_id: uuid.UUID | None, action: str | None, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of events, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_events(
                session, actor_id=actor_id, action=action, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.at, row.id))
