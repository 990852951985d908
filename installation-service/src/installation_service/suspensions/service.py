"""The rules of suspensions."""

import uuid

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database, Unit, record_event
from cathouse.schema import Cat, Installation, InstallationStatus, LifecycleEventType
from installation_service.developers import repository as developers
from installation_service.installations.errors import InstallationNotFoundError, UninstalledError
from installation_service.lifecycle.repository import event_of
from installation_service.lifecycle.service import LifecycleService
from installation_service.suspensions import repository
from installation_service.suspensions.repository import Hand


class SuspensionService:
    """Stops single installations, and lets them go on. What is repeated changes nothing: the first reason holds."""

    def __init__(self, database: Database, lifecycle: LifecycleService) -> None:
        self._database = database
        self._lifecycle = lifecycle

    async def by_developer(
        self, developer_id: uuid.UUID, cat_id: uuid.UUID, installation_id: uuid.UUID, *, reason: str | None
    ) -> AnyRow:
        """Suspend an installation of the developer's cat for ``reason``, or with None lift that.

        Raises:
            InstallationNotFoundError, UninstalledError
        """

        async def unit(session: AsyncSession) -> AnyRow:
            of_own_cat = (Cat.id == cat_id, Cat.developer_id == developer_id)
            found = await _locked(session, Installation.id == installation_id, *of_own_cat)
            await _set(session, found, Hand.DEVELOPER, developer_id, reason)
            return await developers.find_installation(session, cat_id, installation_id)

        return await self._write(unit)

    async def by_operator(self, admin_id: uuid.UUID, installation_id: uuid.UUID, *, reason: str | None) -> AnyRow:
        """Suspend any installation for ``reason``, or with None lift that.

        Raises:
            InstallationNotFoundError, UninstalledError
        """

        async def unit(session: AsyncSession) -> AnyRow:
            found = await _locked(session, Installation.id == installation_id)
            await _set(session, found, Hand.OPERATOR, admin_id, reason)
            return await developers.find_installation(session, found.cat_id, installation_id)

        return await self._write(unit)

    async def _write(self, unit: Unit[AnyRow]) -> AnyRow:
        row = await self._database.write(unit)
        self._lifecycle.wake()
        return row


async def _locked(session: AsyncSession, *conditions: ColumnElement[bool]) -> AnyRow:
    found = await repository.lock(session, *conditions)
    if found is None:
        raise InstallationNotFoundError
    if found.status == InstallationStatus.UNINSTALLED:
        raise UninstalledError
    return found


async def _set(session: AsyncSession, found: AnyRow, hand: Hand, actor_id: uuid.UUID, reason: str | None) -> None:
    since = {Hand.DEVELOPER: found.developer_suspended_at, Hand.OPERATOR: found.operator_suspended_at}
    if (reason is None) == (since[hand] is None):
        return
    await repository.set_suspension(session, found.id, hand, reason)
    is_lifted = reason is None
    await record_event(
        session,
        "installation.reinstated" if is_lifted else "installation.suspended",
        actor_id=actor_id,
        subject={"installation_id": found.id, "cat_id": found.cat_id},
        detail={"by": hand.value},
    )
    others = [at for each, at in since.items() if each != hand and at is not None]
    if not others:  # what the cat is told is whether it may call, and that has not changed while another hand holds it
        event = LifecycleEventType.REINSTATED if is_lifted else LifecycleEventType.SUSPENDED
        await session.execute(event_of(found.id, found.cat_id, event))
