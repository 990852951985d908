"""The rules of installations."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.schema import CatStatus, InstallationStatus
from cathouse.web import Keyset
from installation_service.installations import repository
from installation_service.installations.config import check_config
from installation_service.installations.errors import (
    CatNotFoundError,
    CatNotPublishedError,
    InstallationNotFoundError,
    PermissionNotRequestedError,
    PermissionRequiredError,
    SecretNotDeclaredError,
    SecretRequiredError,
    TransitionNotAllowedError,
)
from installation_service.installations.schemas import InstallationCreation
from installation_service.secrets.wrapping import SecretWrapper

_MOVES = {
    InstallationStatus.ACTIVE: ["pause", "uninstall"],
    InstallationStatus.PAUSED: ["resume", "uninstall"],
    InstallationStatus.UNINSTALLED: [],
}


class InstallationService:
    """Installs cats and keeps what players decided about them."""

    def __init__(self, database: Database, wrapper: SecretWrapper) -> None:
        self._database = database
        self._wrapper = wrapper

    async def install(self, user_id: uuid.UUID, creation: InstallationCreation) -> AnyRow:
        """Install the cat's newest release.

        Raises:
            CatNotFoundError, CatNotPublishedError, InstanceNameTakenError, PermissionRequiredError,
            PermissionNotRequestedError, SecretRequiredError, SecretNotDeclaredError, ConfigInvalidError:
                nothing was installed.
        """
        installation_id = uuid.uuid4()

        async def install(session: AsyncSession) -> AnyRow:
            release = await repository.find_release_to_install(session, creation.cat_id)
            if release is None:
                raise CatNotFoundError
            if release.status != CatStatus.PUBLISHED or release.release_id is None:
                raise CatNotPublishedError
            _check_grants(creation, release.permissions)
            _check_secrets(creation, release.secrets)
            check_config(creation.config, release.config_schema)
            new = repository.NewInstallation(
                id=installation_id,
                user_id=user_id,
                cat_id=creation.cat_id,
                consent_epoch=release.consent_epoch,
                instance_name=creation.instance_name,
                config=creation.config,
                grants={
                    uuid.UUID(asked["id"]): creation.grants.get(asked["permission_type"], False)
                    for asked in release.permissions
                },
                wrapped_secrets={
                    name: self._wrapper.wrap(value, installation_id=installation_id, name=name)
                    for name, value in creation.secrets.items()
                },
                secrets_key_id=self._wrapper.key_id,
            )
            await repository.add_installation(session, new)
            return await _found(session, installation_id, user_id)

        return await self._database.write(install)

    async def find(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """The player's installation.

        Raises:
            InstallationNotFoundError: also when it is somebody else's.
        """
        return await self._database.read(lambda session: _found(session, installation_id, user_id))

    async def list(
        self,
        user_id: uuid.UUID,
        *,
        status: InstallationStatus | None,
        cat_id: uuid.UUID | None,
        keyset: Keyset,
    ) -> tuple[Sequence[AnyRow], str | None]:
        """One page of the player's installations, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_installations(
                session, user_id, status=status, cat_id=cat_id, after=keyset.after, limit=keyset.limit + 1
            )
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def pause(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """Stop talking to the cat for now; pausing twice is no error.

        Raises:
            InstallationNotFoundError, TransitionNotAllowedError
        """
        return await self._move(user_id, installation_id, InstallationStatus.PAUSED)

    async def resume(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """Go on talking to the cat; it must have what it requires.

        Raises:
            InstallationNotFoundError, TransitionNotAllowedError, PermissionRequiredError
        """
        return await self._move(user_id, installation_id, InstallationStatus.ACTIVE)

    async def uninstall(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> None:
        """End the installation for good; repeating it is no error.

        Raises:
            InstallationNotFoundError
        """

        async def uninstall(session: AsyncSession) -> None:
            status = await repository.lock_installation(session, installation_id, user_id)
            if status is None:
                raise InstallationNotFoundError
            if status != InstallationStatus.UNINSTALLED:
                await repository.set_status(session, installation_id, InstallationStatus.UNINSTALLED)

        await self._database.write(uninstall)

    async def _move(self, user_id: uuid.UUID, installation_id: uuid.UUID, to: InstallationStatus) -> AnyRow:
        async def move(session: AsyncSession) -> AnyRow:
            status = await repository.lock_installation(session, installation_id, user_id)
            if status is None:
                raise InstallationNotFoundError
            if status == InstallationStatus.UNINSTALLED:
                raise TransitionNotAllowedError(status, _MOVES[InstallationStatus.UNINSTALLED])
            if status != to:
                if to == InstallationStatus.ACTIVE:
                    found = await _found(session, installation_id, user_id)
                    missing = [each["permission_type"] for each in found.permissions if _is_missing(each)]
                    if missing:
                        raise PermissionRequiredError(missing)
                await repository.set_status(session, installation_id, to)
            return await _found(session, installation_id, user_id)

        return await self._database.write(move)


def _is_missing(permission: dict[str, Any]) -> bool:
    return bool(permission["required"]) and not permission["granted"]


def _check_grants(creation: InstallationCreation, permissions: Sequence[dict[str, Any]]) -> None:
    asked = {each["permission_type"] for each in permissions}
    unexpected = sorted(kind for kind, granted in creation.grants.items() if granted and kind not in asked)
    if unexpected:
        raise PermissionNotRequestedError(unexpected)
    missing = [
        each["permission_type"]
        for each in permissions
        if each["required"] and not creation.grants.get(each["permission_type"])
    ]
    if missing:
        raise PermissionRequiredError(missing)


def _check_secrets(creation: InstallationCreation, declared: Sequence[dict[str, Any]]) -> None:
    unexpected = sorted(set(creation.secrets) - {secret["name"] for secret in declared})
    if unexpected:
        raise SecretNotDeclaredError(unexpected)
    missing = [secret["name"] for secret in declared if secret["required"] and secret["name"] not in creation.secrets]
    if missing:
        raise SecretRequiredError(missing)


async def _found(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow:
    found = await repository.find_installation(session, installation_id, user_id)
    if found is None:
        raise InstallationNotFoundError
    return found
