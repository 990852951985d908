"""The rules of tasks."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import CallbackToken
from cathouse.schema import PermissionType
from cathouse.web import Keyset
from installation_service.activity.repository import use_of
from installation_service.activity.uses import GatheredUses
from installation_service.standing.service import authorise
from installation_service.tasks import repository
from installation_service.tasks.errors import DueDatePastError, TaskNotFoundError, TaskQuotaError
from installation_service.tasks.repository import Filters, of_installation, of_player
from installation_service.tasks.schemas import TaskChange, TaskCreation

MOST_TASKS = 1000
"""Of one installation's cat, completed ones among them: a list that a player can still go through."""


class TaskService:
    """Keeps players' tasks: for the players themselves, and for the cats that may make some."""

    def __init__(self, database: Database, uses: GatheredUses) -> None:
        self._database = database
        self._uses = uses

    async def list(self, user_id: uuid.UUID, filters: Filters, keyset: Keyset) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the player's tasks, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_tasks(
                session, of_player(user_id), filters, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def find(self, user_id: uuid.UUID, task_id: uuid.UUID) -> AnyRow:
        """The player's task.

        Raises:
            TaskNotFoundError: also when it is somebody else's.
        """
        return _there(
            await self._database.read(lambda session: repository.find_task(session, task_id, of_player(user_id)))
        )

    async def create(self, user_id: uuid.UUID, creation: TaskCreation) -> AnyRow:
        """Keep a task of the player.

        Raises:
            DueDatePastError: nothing was kept.
        """

        async def create(session: AsyncSession) -> AnyRow:
            # In the unit, so that a request that is sent again is answered as it was, also when its time is over.
            _check_due_date(creation.due_date)
            return await repository.add_task(session, user_id, creation.model_dump())

        return await self._database.write(create)

    async def change(self, user_id: uuid.UUID, task_id: uuid.UUID, change: TaskChange) -> AnyRow:
        """Change what was sent of the player's task, whoever made it, and return the whole.

        Raises:
            TaskNotFoundError, DueDatePastError: nothing was changed.
        """
        return await self._database.write(lambda session: _changed(session, task_id, of_player(user_id), change))

    async def delete(self, user_id: uuid.UUID, task_id: uuid.UUID) -> None:
        """Remove the player's task, whoever made it.

        Raises:
            TaskNotFoundError: also when it is somebody else's.
        """
        if not await self._database.write(lambda session: repository.delete_task(session, task_id, of_player(user_id))):
            raise TaskNotFoundError

    async def list_for_cat(
        self, token: CallbackToken, filters: Filters, keyset: Keyset
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the tasks that the cat made for this installation, newest first, and the cursor of the next.

        Raises:
            InstallationNotActiveError, PermissionNotGrantedError
        """

        async def read(session: AsyncSession) -> Sequence[AnyRow]:
            await authorise(session, token, PermissionType.TASKS)
            whose = of_installation(token.installation_id)
            return await repository.list_tasks(session, whose, filters, after=keyset.after, limit=keyset.limit + 1)

        rows = await self._database.read(read)
        self._uses.note(token.installation_id, PermissionType.TASKS, "list")
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def find_for_cat(self, token: CallbackToken, task_id: uuid.UUID) -> AnyRow:
        """A task that the cat made for this installation.

        Raises:
            TaskNotFoundError, InstallationNotActiveError, PermissionNotGrantedError
        """

        async def read(session: AsyncSession) -> AnyRow | None:
            await authorise(session, token, PermissionType.TASKS)
            return await repository.find_task(session, task_id, of_installation(token.installation_id))

        found = await self._database.read(read)
        self._uses.note(token.installation_id, PermissionType.TASKS, "get")
        return _there(found)

    async def create_for_cat(self, token: CallbackToken, creation: TaskCreation) -> AnyRow:
        """Keep a task that the cat makes for its player.

        Raises:
            DueDatePastError, TaskQuotaError, InstallationNotActiveError, PermissionNotGrantedError: nothing was kept.
        """

        async def create(session: AsyncSession) -> AnyRow:
            player = await authorise(session, token, PermissionType.TASKS, for_change=True)
            _check_due_date(creation.due_date)
            made = await repository.add_task_of_cat(
                session, player, token.installation_id, creation.model_dump(), use=_use(token, "create")
            )
            if made.before >= MOST_TASKS:
                raise TaskQuotaError(MOST_TASKS)
            return made

        return await self._database.write(create)

    async def change_for_cat(self, token: CallbackToken, task_id: uuid.UUID, change: TaskChange) -> AnyRow:
        """Change what was sent of a task that the cat made for this installation, and return the whole.

        Raises:
            TaskNotFoundError, DueDatePastError, InstallationNotActiveError, PermissionNotGrantedError: nothing was
                changed.
        """

        async def apply(session: AsyncSession) -> AnyRow:
            await authorise(session, token, PermissionType.TASKS, for_change=True)
            whose = of_installation(token.installation_id)
            return await _changed(session, task_id, whose, change, use=_use(token, "update"))

        return await self._database.write(apply)


async def _changed(
    session: AsyncSession,
    task_id: uuid.UUID,
    whose: ColumnElement[bool],
    change: TaskChange,
    *,
    use: Insert | None = None,
) -> AnyRow:
    sent = change.model_dump(exclude_unset=True)
    past = change.due_date if _is_past(change.due_date) else None
    changed = await repository.change_task(session, task_id, whose, sent, due_already=past, use=use)
    if changed is None and past is not None:
        _there(await repository.find_task(session, task_id, whose))
        raise DueDatePastError
    return _there(changed)


def _use(token: CallbackToken, action: str) -> Insert:
    return use_of(token.installation_id, PermissionType.TASKS, action)


def _check_due_date(due_date: dt.datetime | None) -> None:
    if _is_past(due_date):
        raise DueDatePastError


def _is_past(moment: dt.datetime | None) -> bool:
    return moment is not None and moment < dt.datetime.now(dt.UTC)


def _there(found: AnyRow | None) -> AnyRow:
    if found is None:
        raise TaskNotFoundError
    return found
