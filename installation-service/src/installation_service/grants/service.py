"""The rules of grants."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.schema import InstallationStatus, PermissionType
from installation_service.grants import repository
from installation_service.grants.errors import PermissionNotFoundError, PermissionStillRequiredError
from installation_service.installations.ownership import lock_own_living_installation, own_installation
from installation_service.lifecycle.service import LifecycleService


class GrantService:
    """Keeps players' answers to what cats ask for."""

    def __init__(self, database: Database, lifecycle: LifecycleService) -> None:
        self._database = database
        self._lifecycle = lifecycle

    async def answer(
        self, user_id: uuid.UUID, installation_id: uuid.UUID, permission: PermissionType, *, granted: bool
    ) -> AnyRow:
        """Grant or revoke, and return the installation. A revocation holds from the cat's next call on.

        Raises:
            InstallationNotFoundError, PermissionNotFoundError, UninstalledError, PermissionStillRequiredError
        """

        async def answer(session: AsyncSession) -> AnyRow:
            locked = await lock_own_living_installation(session, installation_id, user_id)
            requested = await repository.find_requested(session, installation_id, permission)
            if requested is None:
                raise PermissionNotFoundError
            if requested.required and not granted and locked.status == InstallationStatus.ACTIVE:
                raise PermissionStillRequiredError(permission)
            if await repository.set_grant(session, installation_id, requested.id, granted=granted):
                await repository.note_change(session, installation_id, locked.cat_id, taken_back=not granted)
            return await own_installation(session, installation_id, user_id)

        answered = await self._database.write(answer)
        self._lifecycle.wake()
        return answered
