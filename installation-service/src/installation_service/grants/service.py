"""The rules of grants."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.schema import InstallationStatus, PermissionType
from installation_service.grants import repository
from installation_service.grants.errors import PermissionNotFoundError, RequiredPermissionError
from installation_service.installations.errors import InstallationNotFoundError, TransitionNotAllowedError
from installation_service.installations.repository import find_installation


class GrantService:
    """Keeps players' answers to what cats ask for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(
        self, user_id: uuid.UUID, installation_id: uuid.UUID, permission: PermissionType, *, granted: bool
    ) -> AnyRow:
        """Grant or revoke, and return the installation. A revocation holds from the cat's next call on.

        Raises:
            InstallationNotFoundError, PermissionNotFoundError, TransitionNotAllowedError, RequiredPermissionError
        """

        async def answer(session: AsyncSession) -> AnyRow:
            requested = await repository.find_requested(session, installation_id, user_id, permission)
            if requested is None:
                found = await find_installation(session, installation_id, user_id)
                raise InstallationNotFoundError if found is None else PermissionNotFoundError
            if requested.status == InstallationStatus.UNINSTALLED:
                raise TransitionNotAllowedError(requested.status, [])
            if requested.required and not granted and requested.status == InstallationStatus.ACTIVE:
                raise RequiredPermissionError(permission)
            changed = await repository.set_grant(session, installation_id, requested.id, granted=granted)
            if changed and not granted:
                await repository.raise_generation(session, installation_id)
            changed_installation = await find_installation(session, installation_id, user_id)
            if changed_installation is None:
                raise InstallationNotFoundError
            return changed_installation

        return await self._database.write(answer)
