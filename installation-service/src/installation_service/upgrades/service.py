"""The rules of upgrades."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import SecretWrapper
from installation_service.installations.config import check_config
from installation_service.installations.declarations import check_grants, check_secrets, is_declared
from installation_service.installations.ownership import lock_own_living_installation, own_installation
from installation_service.lifecycle.service import LifecycleService
from installation_service.upgrades import repository
from installation_service.upgrades.errors import VersionNotOfferedError
from installation_service.upgrades.schemas import Upgrade


class UpgradeService:
    """Takes players' consent to releases that ask for more. Until then, and when it is refused, the old one goes on."""

    def __init__(self, database: Database, wrapper: SecretWrapper, lifecycle: LifecycleService) -> None:
        self._database = database
        self._wrapper = wrapper
        self._lifecycle = lifecycle

    async def upgrade(self, user_id: uuid.UUID, installation_id: uuid.UUID, upgrade: Upgrade) -> AnyRow:
        """Go to the version that waits for consent, and return the installation.

        Raises:
            InstallationNotFoundError, UninstalledError, VersionNotOfferedError, PermissionRequiredError,
            PermissionNotRequestedError, SecretRequiredError, SecretNotDeclaredError, ConfigInvalidError:
                nothing was changed.
        """

        async def apply(session: AsyncSession) -> AnyRow:
            locked = await lock_own_living_installation(session, installation_id, user_id)
            offer = await repository.find_offer(session, installation_id)
            if offer.id is None or offer.version != upgrade.version:
                raise VersionNotOfferedError(offer.version if offer.id is not None else None)
            config = locked.config if upgrade.config is None else upgrade.config
            check_config(config, offer.config_schema)
            grants = {
                asked["permission_type"]: upgrade.grants.get(asked["permission_type"], asked["granted"])
                for asked in offer.permissions
            }
            check_grants({**upgrade.grants, **grants}, offer.permissions)
            # What goes to another host or in another header now was not given for that.
            usable = {secret["name"] for secret in offer.secrets if is_declared(secret, offer.secrets_before or [])}
            kept = usable & set(offer.given)
            check_secrets(upgrade.secrets, offer.secrets, kept=kept)
            consent = repository.Consent(
                consent_epoch=offer.consent_epoch,
                config=config,
                grants={uuid.UUID(asked["id"]): grants[asked["permission_type"]] for asked in offer.permissions},
                wrapped_secrets={
                    name: self._wrapper.wrap(value, installation_id=installation_id, name=name)
                    for name, value in upgrade.secrets.items()
                },
                secrets_key_id=self._wrapper.key_id,
                kept_secrets=kept,
                takes_back=any(each["granted"] and not grants[each["permission_type"]] for each in offer.permissions),
            )
            await repository.keep_consent(session, installation_id, locked.cat_id, consent)
            return await own_installation(session, installation_id, user_id)

        upgraded = await self._database.write(apply)
        self._lifecycle.wake()
        return upgraded
