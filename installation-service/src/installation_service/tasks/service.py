"""The rules of tasks."""

import uuid
from collections.abc import Sequence

from cathouse.database import AnyRow, Database
from cathouse.schema import TaskPriority, TaskStatus
from cathouse.web import Keyset
from installation_service.tasks import repository


class TaskService:
    """Lists players' tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, user_id: uuid.UUID, *, status: TaskStatus | None, priority: TaskPriority | None, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the player's tasks, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_tasks(
                session, user_id, status=status, priority=priority, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))
