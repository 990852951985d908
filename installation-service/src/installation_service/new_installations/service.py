"""The rules of installing a cat."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import Principal, SecretWrapper
from cathouse.schema import CatStatus, Role
from cathouse.web import ServiceClient
from cathouse.web.challenges import challenge_endpoint
from installation_service.installations.config import check_config
from installation_service.installations.declarations import check_grants, check_secrets
from installation_service.installations.ownership import own_installation
from installation_service.lifecycle.service import LifecycleService
from installation_service.new_installations import repository
from installation_service.new_installations.errors import CatNotFoundError, CatNotPublishedError, DraftChangedError
from installation_service.new_installations.schemas import InstallationCreation


class NewInstallationService:
    """Installs cats."""

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
            return await own_installation(session, installation_id, user_id)

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
