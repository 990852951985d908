"""The rules of players' secrets."""

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import SecretWrapper
from cathouse.schema import InstallationStatus
from installation_service.installations.errors import InstallationNotFoundError, TransitionNotAllowedError
from installation_service.installations.repository import find_installation, lock_installation
from installation_service.secrets import repository
from installation_service.secrets.errors import RequiredSecretError, SecretNotFoundError


class SecretService:
    """Keeps credentials that are used on behalf of cats. They are written here, and read by proxy-service alone."""

    def __init__(self, database: Database, wrapper: SecretWrapper) -> None:
        self._database = database
        self._wrapper = wrapper

    async def keep(self, user_id: uuid.UUID, installation_id: uuid.UUID, name: str, value: str) -> AnyRow:
        """Keep a secret that the installed release declares, and return the installation.

        Raises:
            InstallationNotFoundError, SecretNotFoundError, TransitionNotAllowedError
        """
        wrapped = self._wrapper.wrap(value, installation_id=installation_id, name=name)

        async def keep(session: AsyncSession) -> AnyRow:
            await _declared(session, user_id, installation_id, name)
            await repository.keep_secret(session, installation_id, name, wrapped, key_id=self._wrapper.key_id)
            return await _found(session, user_id, installation_id)

        return await self._database.write(keep)

    async def remove(self, user_id: uuid.UUID, installation_id: uuid.UUID, name: str) -> None:
        """Forget a secret; repeating it is no error.

        Raises:
            InstallationNotFoundError, SecretNotFoundError, TransitionNotAllowedError, RequiredSecretError
        """

        async def remove(session: AsyncSession) -> None:
            status, declared = await _declared(session, user_id, installation_id, name)
            if declared["required"] and status == InstallationStatus.ACTIVE:
                raise RequiredSecretError(name)
            await repository.remove_secret(session, installation_id, name)

        await self._database.write(remove)


async def _declared(
    session: AsyncSession, user_id: uuid.UUID, installation_id: uuid.UUID, name: str
) -> tuple[str, dict[str, Any]]:
    """The locked installation's status, and what its release says of the secret."""
    locked = await lock_installation(session, installation_id, user_id)
    if locked is None:
        raise InstallationNotFoundError
    if locked.status == InstallationStatus.UNINSTALLED:
        raise TransitionNotAllowedError(locked.status, [])
    found = await _found(session, user_id, installation_id)
    declared = next((secret for secret in found.secrets or [] if secret["name"] == name), None)
    if declared is None:
        raise SecretNotFoundError
    return locked.status, declared


async def _found(session: AsyncSession, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
    found = await find_installation(session, installation_id, user_id)
    if found is None:
        raise InstallationNotFoundError
    return found
