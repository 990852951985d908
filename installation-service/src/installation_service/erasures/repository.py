"""All SQL about forgetting a player. What deletes or changes a portion returns of how many rows; 0: none is left."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from cathouse.database import AnyRow, change_portion, remove_answers_to
from cathouse.database.portions import PORTION
from cathouse.schema import (
    IdempotencyKey,
    Installation,
    InstallationPermission,
    InstallationStatus,
    LifecycleEventType,
    Notification,
    PermissionUse,
    PlayerAlias,
    PlayerSecret,
    StoredValue,
    Task,
)
from installation_service.lifecycle.repository import events_of

ERASED_NAME = "erased"
"""What an installation is called whose player was erased."""

_IS_LEFT = or_(
    Installation.status != InstallationStatus.UNINSTALLED,
    Installation.instance_name != ERASED_NAME,
    Installation.config != {},
    select(InstallationPermission.permission_id)
    .where(InstallationPermission.installation_id == Installation.id, InstallationPermission.granted)
    .exists(),
)


async def lock_installations(session: AsyncSession, user_id: uuid.UUID) -> Mapping[uuid.UUID, AnyRow]:
    """A portion of the person's installations that are not ended and emptied, locked until the transaction ends."""
    query = (
        select(Installation.id, Installation.cat_id, Installation.status)
        .where(Installation.user_id == user_id, _IS_LEFT)
        .order_by(Installation.id)
        .limit(PORTION)
        # Reports of interactions only point to the row: they need not wait.
        .with_for_update(of=Installation, key_share=True)
    )
    return {row.id: row for row in await session.execute(query)}


async def end_installations(session: AsyncSession, installation_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """End those of the locked installations that are still left, and return which.

    The look-up that found them may have waited for another erasure that did it: it saw the answers of before.
    """
    statement = (
        update(Installation)
        .where(Installation.id.in_(installation_ids), _IS_LEFT)
        .values(
            status=InstallationStatus.UNINSTALLED,
            uninstalled_at=func.coalesce(Installation.uninstalled_at, func.now()),
            instance_name=ERASED_NAME,
            config={},
            grant_generation=Installation.grant_generation + 1,
        )
        .returning(Installation.id)
    )
    return (await session.scalars(statement, execution_options={"synchronize_session": False})).all()


async def tell_cats(session: AsyncSession, ended: Mapping[uuid.UUID, AnyRow]) -> None:
    """Write down that the cats are to be told of those that lived until now: they may hold something of the person."""
    cats = {each: row.cat_id for each, row in ended.items() if row.status != InstallationStatus.UNINSTALLED}
    if cats:
        await session.execute(events_of(cats, LifecycleEventType.UNINSTALLED))


async def revoke_grants(session: AsyncSession, installation_ids: Sequence[uuid.UUID]) -> None:
    """Take back whatever was granted to these installations."""
    await session.execute(
        update(InstallationPermission)
        .where(InstallationPermission.installation_id.in_(installation_ids), InstallationPermission.granted)
        .values(granted=False, granted_at=None),
        execution_options={"synchronize_session": False},
    )


async def delete_stored_values(session: AsyncSession, user_id: uuid.UUID) -> int:
    """What cats remember of the person."""
    return await change_portion(
        session,
        delete(StoredValue),
        key=(StoredValue.installation_id, StoredValue.key),
        where=(_belongs_to(user_id, StoredValue.installation_id),),
    )


async def delete_secrets(session: AsyncSession, user_id: uuid.UUID) -> int:
    """The person's credentials for external hosts."""
    return await change_portion(
        session,
        delete(PlayerSecret),
        key=(PlayerSecret.installation_id, PlayerSecret.name),
        where=(_belongs_to(user_id, PlayerSecret.installation_id),),
    )


async def delete_notifications(session: AsyncSession, user_id: uuid.UUID) -> int:
    """What cats told the person."""
    return await change_portion(
        session, delete(Notification), key=(Notification.id,), where=(Notification.user_id == user_id,)
    )


async def delete_tasks(session: AsyncSession, user_id: uuid.UUID) -> int:
    """What the person wanted done."""
    return await change_portion(session, delete(Task), key=(Task.id,), where=(Task.user_id == user_id,))


async def delete_permission_uses(session: AsyncSession, user_id: uuid.UUID) -> int:
    """What cats did with what the person granted."""
    return await change_portion(
        session,
        delete(PermissionUse),
        key=(PermissionUse.id,),
        where=(_belongs_to(user_id, PermissionUse.installation_id),),
    )


async def delete_aliases(session: AsyncSession, user_id: uuid.UUID) -> int:
    """The names by which cats know the person."""
    return await change_portion(
        session,
        delete(PlayerAlias),
        key=(PlayerAlias.user_id, PlayerAlias.cat_id),
        where=(PlayerAlias.user_id == user_id,),
    )


async def delete_idempotency_keys(session: AsyncSession, user_id: uuid.UUID) -> int:
    """The answers that are kept for the person to ask for again, and for cats that called for the person."""
    principal = IdempotencyKey.principal
    return await remove_answers_to(session, "installation", or_(principal == user_id, _belongs_to(user_id, principal)))


def _belongs_to(user_id: uuid.UUID, installation_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    return installation_id.in_(select(Installation.id).where(Installation.user_id == user_id))
