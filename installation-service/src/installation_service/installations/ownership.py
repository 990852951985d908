"""Whose installation it is."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import InstallationStatus
from installation_service.installations import repository
from installation_service.installations.errors import InstallationNotFoundError, UninstalledError


async def check_owner(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Make sure that the installation is the player's.

    Raises:
        InstallationNotFoundError: also when it is somebody else's.
    """
    if not await repository.is_owned(session, installation_id, user_id):
        raise InstallationNotFoundError


async def own_installation(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow:
    """The player's installation with all that is shown of it.

    Raises:
        InstallationNotFoundError: also when it is somebody else's.
    """
    found = await repository.find_installation(session, installation_id, user_id)
    if found is None:
        raise InstallationNotFoundError
    return found


async def lock_own_installation(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow:
    """The state of the player's installation, locked until the transaction ends.

    Raises:
        InstallationNotFoundError: also when it is somebody else's.
    """
    locked = await repository.lock_installation(session, installation_id, user_id)
    if locked is None:
        raise InstallationNotFoundError
    return locked


async def lock_own_living_installation(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow:
    """The same, of one that was not uninstalled.

    Raises:
        InstallationNotFoundError, UninstalledError
    """
    locked = await lock_own_installation(session, installation_id, user_id)
    if locked.status == InstallationStatus.UNINSTALLED:
        raise UninstalledError
    return locked
