"""The rules of installations."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import CallbackToken, Principal, SecretWrapper, check_active
from cathouse.schema import CatStatus, InstallationStatus, LifecycleEventType, Role
from cathouse.web import Keyset, ServiceClient
from cathouse.web.challenges import challenge_endpoint
from installation_service.installations import repository
from installation_service.installations.config import check_config
from installation_service.installations.declarations import check_grants, check_secrets
from installation_service.installations.errors import (
    CatNotFoundError,
    CatNotPublishedError,
    DraftChangedError,
    InstallationNotFoundError,
    PermissionRequiredError,
    TransitionNotAllowedError,
)
from installation_service.installations.schemas import InstallationChange, InstallationCreation
from installation_service.lifecycle.repository import event_of
from installation_service.lifecycle.service import LifecycleService

_MOVES = {
    InstallationStatus.ACTIVE: ["pause", "uninstall"],
    InstallationStatus.PAUSED: ["resume", "uninstall"],
    InstallationStatus.UNINSTALLED: [],
}

_TOLD = {
    InstallationStatus.ACTIVE: LifecycleEventType.RESUMED,
    InstallationStatus.PAUSED: LifecycleEventType.PAUSED,
    InstallationStatus.UNINSTALLED: LifecycleEventType.UNINSTALLED,
}
"""What a cat is told when its installation gets there."""


class InstallationService:
    """Installs cats and keeps what players decided about them."""

    def __init__(
        self, database: Database, proxy: ServiceClient, wrapper: SecretWrapper, lifecycle: LifecycleService
    ) -> None:
        self._database = database
        self._proxy = proxy
        self._wrapper = wrapper
        self._lifecycle = lifecycle

    async def install(self, player: Principal, creation: InstallationCreation) -> AnyRow:
        """Install the cat's newest release; its owner may try a draft, whose endpoint has to answer a challenge first.

        Raises:
            CatNotFoundError, CatNotPublishedError, InstanceNameTakenError, PermissionRequiredError,
            PermissionNotRequestedError, SecretRequiredError, SecretNotDeclaredError, ConfigInvalidError,
            EndpointChallengeFailedError, DraftChangedError, ServiceUnavailableError:
                nothing was installed.
        """
        user_id = player.user_id
        installation_id = uuid.uuid4()
        challenged = await self._challenge(user_id, creation.cat_id) if player.has_role(Role.DEVELOPER) else None

        async def install(session: AsyncSession) -> AnyRow:
            release = await repository.find_release_to_install(session, creation.cat_id, user_id)
            if release is None:
                raise CatNotFoundError
            if not (release.status == CatStatus.PUBLISHED or release.is_tried) or release.release_id is None:
                raise CatNotPublishedError
            if release.is_tried and (release.release_id, release.endpoint_url) != challenged:
                raise DraftChangedError
            check_grants(creation.grants, release.permissions)
            check_secrets(creation.secrets, release.secrets)
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

        installed = await self._database.write(install)
        self._lifecycle.wake()
        return installed

    async def _challenge(self, user_id: uuid.UUID, cat_id: uuid.UUID) -> tuple[uuid.UUID, str] | None:
        """Challenge the endpoint of the player's own draft, and return which it was; None for any other cat."""
        release = await self._database.read(
            lambda session: repository.find_release_to_install(session, cat_id, user_id)
        )
        if release is None or not release.is_tried or release.release_id is None:
            return None
        await challenge_endpoint(self._proxy, release.release_id)
        return release.release_id, release.endpoint_url

    async def find(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """The player's installation.

        Raises:
            InstallationNotFoundError: also when it is somebody else's.
        """
        return await self._database.read(lambda session: _found(session, installation_id, user_id))

    async def find_for_cat(self, token: CallbackToken) -> AnyRow:
        """The installation that a cat calls for.

        Raises:
            InstallationNotActiveError
        """
        return check_active(
            await self._database.read(lambda session: repository.find_for_cat(session, token.installation_id))
        )

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

    async def change(self, user_id: uuid.UUID, installation_id: uuid.UUID, change: InstallationChange) -> AnyRow:
        """Give the installation another name or config; what is not sent stays.

        Raises:
            InstallationNotFoundError, TransitionNotAllowedError, InstanceNameTakenError, ConfigInvalidError: nothing
                was changed.
        """
        sent = change.model_dump(exclude_unset=True)

        async def apply(session: AsyncSession) -> AnyRow:
            locked = await _locked(session, installation_id, user_id)
            if locked.status == InstallationStatus.UNINSTALLED:
                raise TransitionNotAllowedError(locked.status, _MOVES[InstallationStatus.UNINSTALLED])
            if "config" in sent:
                check_config(sent["config"], await repository.find_config_schema(session, installation_id))
            if sent:
                await repository.change_installation(session, installation_id, sent)
            return await _found(session, installation_id, user_id)

        return await self._database.write(apply)

    async def pause(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """Stop talking to the cat for now; pausing twice is no error.

        Raises:
            InstallationNotFoundError, TransitionNotAllowedError
        """
        return await self._move(user_id, installation_id, InstallationStatus.PAUSED)

    async def resume(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """Go on talking to the cat; it must have what it requires.

        Raises:
            InstallationNotFoundError, TransitionNotAllowedError, PermissionRequiredError, SecretRequiredError
        """
        return await self._move(user_id, installation_id, InstallationStatus.ACTIVE)

    async def uninstall(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> None:
        """End the installation for good; repeating it is no error.

        Raises:
            InstallationNotFoundError
        """
        await self._move(user_id, installation_id, InstallationStatus.UNINSTALLED)

    async def _move(self, user_id: uuid.UUID, installation_id: uuid.UUID, to: InstallationStatus) -> AnyRow:
        async def move(session: AsyncSession) -> AnyRow:
            locked = await _locked(session, installation_id, user_id)
            if locked.status != to:
                if locked.status == InstallationStatus.UNINSTALLED:
                    raise TransitionNotAllowedError(locked.status, _MOVES[InstallationStatus.UNINSTALLED])
                if to == InstallationStatus.ACTIVE:
                    found = await _found(session, installation_id, user_id)
                    missing = [each["permission_type"] for each in found.permissions if _is_missing(each)]
                    if missing:
                        raise PermissionRequiredError(missing)
                    check_secrets((), found.secrets or [], kept=found.secrets_set)
                event = event_of(installation_id, locked.cat_id, _TOLD[to])
                await repository.set_status(session, installation_id, to, event)
            return await _found(session, installation_id, user_id)

        moved = await self._database.write(move)
        self._lifecycle.wake()
        return moved


def _is_missing(permission: dict[str, Any]) -> bool:
    return bool(permission["required"]) and not permission["granted"]


async def _locked(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow:
    locked = await repository.lock_installation(session, installation_id, user_id)
    if locked is None:
        raise InstallationNotFoundError
    return locked


async def _found(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow:
    found = await repository.find_installation(session, installation_id, user_id)
    if found is None:
        raise InstallationNotFoundError
    return found
