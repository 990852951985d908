"""The rules of installations."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import CallbackToken, check_active
from cathouse.schema import InstallationStatus, LifecycleEventType
from cathouse.web import Keyset
from installation_service.installations import repository
from installation_service.installations.config import check_config
from installation_service.installations.declarations import check_secrets
from installation_service.installations.errors import PermissionRequiredError, UninstalledError
from installation_service.installations.ownership import (
    lock_own_installation,
    lock_own_living_installation,
    own_installation,
)
from installation_service.installations.schemas import InstallationChange
from installation_service.lifecycle.repository import event_of
from installation_service.lifecycle.service import LifecycleService

_TOLD = {
    InstallationStatus.ACTIVE: LifecycleEventType.RESUMED,
    InstallationStatus.PAUSED: LifecycleEventType.PAUSED,
    InstallationStatus.UNINSTALLED: LifecycleEventType.UNINSTALLED,
}
"""What a cat is told when its installation gets there."""


class InstallationService:
    """Shows players what they have, and keeps what they decide about it."""

    def __init__(self, database: Database, lifecycle: LifecycleService) -> None:
        self._database = database
        self._lifecycle = lifecycle

    async def find(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """The player's installation.

        Raises:
            InstallationNotFoundError: also when it is somebody else's.
        """
        return await self._database.read(lambda session: own_installation(session, installation_id, user_id))

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
            InstallationNotFoundError, UninstalledError, InstanceNameTakenError, ConfigInvalidError: nothing
                was changed.
        """
        sent = change.model_dump(exclude_unset=True)

        async def apply(session: AsyncSession) -> AnyRow:
            await lock_own_living_installation(session, installation_id, user_id)
            if "config" in sent:
                check_config(sent["config"], await repository.find_config_schema(session, installation_id))
            if sent:
                await repository.change_installation(session, installation_id, sent)
            return await own_installation(session, installation_id, user_id)

        return await self._database.write(apply)

    async def pause(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """Stop talking to the cat for now; pausing twice is no error.

        Raises:
            InstallationNotFoundError, UninstalledError
        """
        return await self._move(user_id, installation_id, InstallationStatus.PAUSED)

    async def resume(self, user_id: uuid.UUID, installation_id: uuid.UUID) -> AnyRow:
        """Go on talking to the cat; it must have what it requires.

        Raises:
            InstallationNotFoundError, UninstalledError, PermissionRequiredError, SecretRequiredError
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
            locked = await lock_own_installation(session, installation_id, user_id)
            if locked.status != to:
                if locked.status == InstallationStatus.UNINSTALLED:
                    raise UninstalledError
                if to == InstallationStatus.ACTIVE:
                    found = await own_installation(session, installation_id, user_id)
                    missing = [each["permission_type"] for each in found.permissions if _is_missing(each)]
                    if missing:
                        raise PermissionRequiredError(missing)
                    check_secrets((), found.secrets or [], kept=found.secrets_set)
                event = event_of(installation_id, locked.cat_id, _TOLD[to])
                await repository.set_status(session, installation_id, to, event)
            return await own_installation(session, installation_id, user_id)

        moved = await self._database.write(move)
        self._lifecycle.wake()
        return moved


def _is_missing(permission: dict[str, Any]) -> bool:
    return bool(permission["required"]) and not permission["granted"]
