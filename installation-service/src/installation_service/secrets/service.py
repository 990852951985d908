"""The rules of players' secrets."""

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import SecretWrapper
from cathouse.schema import InstallationStatus
from installation_service.installations.ownership import lock_own_living_installation, own_installation
from installation_service.secrets import repository
from installation_service.secrets.errors import SecretNotFoundError, SecretStillRequiredError


class SecretService:
    """Keeps credentials that are used on behalf of cats. They are written here, and read by proxy-service alone."""

    def __init__(self, database: Database, wrapper: SecretWrapper) -> None:
        self._database = database
        self._wrapper = wrapper

    async def keep(self, user_id: uuid.UUID, installation_id: uuid.UUID, name: str, value: str) -> AnyRow:
        """Keep a secret that the installed release declares, and return the installation.

        Raises:
            InstallationNotFoundError, SecretNotFoundError, UninstalledError
        """
        wrapped = self._wrapper.wrap(value, installation_id=installation_id, name=name)

        async def keep(session: AsyncSession) -> AnyRow:
            await _declared(session, installation_id, name, user_id)
            await repository.keep_secret(session, installation_id, name, wrapped, key_id=self._wrapper.key_id)
            return await own_installation(session, installation_id, user_id)

        return await self._database.write(keep)

    async def remove(self, user_id: uuid.UUID, installation_id: uuid.UUID, name: str) -> None:
        """Forget a secret; repeating it is no error.

        Raises:
            InstallationNotFoundError, SecretNotFoundError, UninstalledError, SecretStillRequiredError
        """

        async def remove(session: AsyncSession) -> None:
            status, declared = await _declared(session, installation_id, name, user_id)
            if declared["required"] and status == InstallationStatus.ACTIVE:
                raise SecretStillRequiredError(name)
            await repository.remove_secret(session, installation_id, name)

        await self._database.write(remove)


async def _declared(
    session: AsyncSession, installation_id: uuid.UUID, name: str, user_id: uuid.UUID
) -> tuple[str, dict[str, Any]]:
    """The locked installation's status, and what its release says of the secret."""
    locked = await lock_own_living_installation(session, installation_id, user_id)
    found = await own_installation(session, installation_id, user_id)
    declared = next((secret for secret in found.secrets or [] if secret["name"] == name), None)
    if declared is None:
        raise SecretNotFoundError
    return locked.status, declared
