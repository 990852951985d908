"""All SQL about installations."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, case, delete, func, insert, or_, select, true, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import LateralFromClause

from cathouse.database import AnyRow, AnySelect, broken_constraint, change_portion, newest_first
from cathouse.schema import (
    Cat,
    CatStatus,
    Installation,
    InstallationPermission,
    InstallationStatus,
    LifecycleEventType,
    Permission,
    PlayerAlias,
    PlayerSecret,
    Release,
    ReleasePermission,
    StoredValue,
    effective_release,
)
from installation_service.installations.errors import CatNotFoundError, InstanceNameTakenError
from installation_service.lifecycle.repository import event_of
from installation_service.standing.repository import select_standing


@dataclass(frozen=True, slots=True)
class NewInstallation:
    """Everything that an installation begins with."""

    id: uuid.UUID
    user_id: uuid.UUID
    cat_id: uuid.UUID
    consent_epoch: int
    instance_name: str
    config: dict[str, Any]
    grants: Mapping[uuid.UUID, bool]
    wrapped_secrets: Mapping[str, bytes]
    secrets_key_id: str


def latest_release(*columns: InstrumentedAttribute[Any]) -> LateralFromClause:
    """The highest published release of an installation's cat, as a lateral subquery; ``columns`` are further ones."""
    return (
        select(Release.id, Release.version, Release.precedence, Release.secrets, *columns)
        .where(Release.cat_id == Installation.cat_id, Release.published_at.is_not(None))
        .order_by(Release.precedence.desc())
        .limit(1)
        .lateral("latest")
    )


def _requested(release_id: ColumnElement[uuid.UUID]) -> ColumnElement[Any]:
    """What a release asks for with the player's answers, as one JSON list."""
    permission = func.json_build_object(
        "permission_type",
        Permission.permission_type,
        "description",
        ReleasePermission.description,
        "required",
        ReleasePermission.required,
        "granted",
        func.coalesce(InstallationPermission.granted, False),
        "granted_at",
        InstallationPermission.granted_at,
    )
    listed = func.json_agg(permission).aggregate_order_by(Permission.permission_type)
    return (
        select(func.coalesce(listed, func.json_build_array(), type_=JSON))
        .select_from(ReleasePermission)
        .join(Permission, Permission.id == ReleasePermission.permission_id)
        .outerjoin(
            InstallationPermission,
            and_(
                InstallationPermission.permission_id == Permission.id,
                InstallationPermission.installation_id == Installation.id,
            ),
        )
        .where(ReleasePermission.release_id == release_id)
        .correlate_except(ReleasePermission, Permission, InstallationPermission)
        .scalar_subquery()
    )


def _installations() -> AnySelect:
    """Every column of an installation's view: one query, one round trip."""
    effective = effective_release(Release.id, Release.version, Release.precedence, Release.secrets)
    latest = latest_release()
    waits = latest.c.precedence > effective.c.precedence
    secrets_set = (
        select(func.coalesce(func.json_agg(PlayerSecret.name), func.json_build_array(), type_=JSON))
        .where(PlayerSecret.installation_id == Installation.id)
        .correlate(Installation)
        .scalar_subquery()
    )
    return (
        select(
            Installation.id,
            func.json_build_object(
                "id", Cat.id, "slug", Cat.slug, "name", Cat.name, "status", Cat.status, type_=JSON
            ).label("cat"),
            effective.c.version,
            Installation.instance_name,
            Installation.config,
            Installation.status,
            Installation.developer_suspended_at,
            Installation.developer_suspension_reason,
            Installation.operator_suspended_at,
            Installation.operator_suspension_reason,
            _requested(effective.c.id).label("permissions"),
            effective.c.secrets,
            secrets_set.label("secrets_set"),
            case((waits, latest.c.version)).label("newer_version"),
            case((waits, _requested(latest.c.id))).label("newer_permissions"),
            case((waits, latest.c.secrets)).label("newer_secrets"),
            Installation.installed_at,
            Installation.last_interaction_at,
            Installation.created_at,
            Installation.updated_at,
        )
        .join(Cat, Cat.id == Installation.cat_id)
        .outerjoin(effective, true())
        .outerjoin(latest, true())
    )


_FOR_CAT = select_standing().add_columns(Installation.id, Installation.instance_name, Installation.config)

_PURGED_AT_ONCE = 20

_LIVING_NAME = "uq_installations_living_name"
_OF_A_REMOVED_CAT = {
    "fk_lifecycle_events_cat_id_cats",
    "fk_installations_cat_id_cats",
    "fk_player_aliases_cat_id_cats",
    "fk_installation_permissions_permission_id_permissions",
}


async def find_release_to_install(session: AsyncSession, cat_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow | None:
    """The cat with its newest published release and what that asks for; None when there is no such cat.

    A draft's own developer gets what is being written, and ``is_tried`` is true.
    """
    is_tried = and_(Cat.status == CatStatus.DRAFT.value, Cat.developer_id == user_id)
    latest = (
        select(Release)
        .where(Release.cat_id == Cat.id, or_(Release.published_at.is_not(None), is_tried))
        .order_by(Release.precedence.desc())
        .limit(1)
        .lateral("latest")
    )
    asked = func.json_build_object(
        "id", Permission.id, "permission_type", Permission.permission_type, "required", ReleasePermission.required
    )
    permissions = (
        select(func.coalesce(func.json_agg(asked), func.json_build_array(), type_=JSON))
        .select_from(ReleasePermission)
        .join(Permission, Permission.id == ReleasePermission.permission_id)
        .where(ReleasePermission.release_id == latest.c.id)
        .correlate(latest)
        .scalar_subquery()
    )
    query = (
        select(
            Cat.id,
            Cat.status,
            is_tried.label("is_tried"),
            latest.c.id.label("release_id"),
            latest.c.endpoint_url,
            latest.c.consent_epoch,
            latest.c.config_schema,
            latest.c.secrets,
            permissions.label("permissions"),
        )
        .outerjoin(latest, true())
        .where(Cat.id == cat_id)
    )
    return (await session.execute(query)).one_or_none()


async def add_installation(session: AsyncSession, new: NewInstallation) -> None:
    """Keep an installation with its grants, its secrets, the player's alias and the event of it, in one statement.

    Raises:
        InstanceNameTakenError: also when the name is taken in the same instant.
        CatNotFoundError: its developer removes the cat in the same instant.
    """
    statement = (
        insert(Installation)
        .values(
            id=new.id,
            user_id=new.user_id,
            cat_id=new.cat_id,
            consent_epoch=new.consent_epoch,
            instance_name=new.instance_name,
            config=new.config,
        )
        .add_cte(
            upsert(PlayerAlias)
            .values(user_id=new.user_id, cat_id=new.cat_id, alias=uuid.uuid4())
            .on_conflict_do_nothing()
            .cte("alias")
        )
        .add_cte(event_of(new.id, new.cat_id, LifecycleEventType.CREATED).cte("event"))
    )
    if new.grants:
        answers = [
            {
                "installation_id": new.id,
                "permission_id": permission_id,
                "granted": granted,
                "granted_at": func.now() if granted else None,
            }
            for permission_id, granted in new.grants.items()
        ]
        statement = statement.add_cte(insert(InstallationPermission).values(answers).cte("grants"))
    if new.wrapped_secrets:
        secrets = [
            {"installation_id": new.id, "name": name, "wrapped_value": wrapped, "key_id": new.secrets_key_id}
            for name, wrapped in new.wrapped_secrets.items()
        ]
        statement = statement.add_cte(insert(PlayerSecret).values(secrets).cte("secrets"))
    try:
        await session.execute(statement)
    except IntegrityError as error:
        broken = broken_constraint(error)
        if broken == _LIVING_NAME:
            raise InstanceNameTakenError(new.instance_name) from None
        if broken in _OF_A_REMOVED_CAT:
            raise CatNotFoundError from None
        raise


async def find_installation(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow | None:
    """The player's installation."""
    query = _installations().where(Installation.id == installation_id, Installation.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def find_for_cat(session: AsyncSession, installation_id: uuid.UUID) -> AnyRow | None:
    """What its cat may know of the installation, beside whether it may call at all."""
    return (await session.execute(_FOR_CAT, {"home": installation_id})).one_or_none()


async def list_installations(
    session: AsyncSession,
    user_id: uuid.UUID,
    *,
    status: InstallationStatus | None,
    cat_id: uuid.UUID | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AnyRow]:
    """The player's installations, newest first."""
    query = _installations().where(Installation.user_id == user_id)
    if status is not None:
        query = query.where(Installation.status == status)
    if cat_id is not None:
        query = query.where(Installation.cat_id == cat_id)
    query = newest_first(query, Installation.created_at, Installation.id, after=after, limit=limit)
    return (await session.execute(query)).all()


async def lock_installation(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> AnyRow | None:
    """The player's installation, locked until the transaction ends; None when there is no such one."""
    query = (
        select(Installation.status, Installation.cat_id, Installation.consent_epoch, Installation.config)
        .where(Installation.id == installation_id, Installation.user_id == user_id)
        .with_for_update()
    )
    return (await session.execute(query)).one_or_none()


async def set_status(
    session: AsyncSession, installation_id: uuid.UUID, status: InstallationStatus, event: Insert
) -> None:
    """Move the installation, and write ``event`` down with it."""
    uninstalled_at = func.now() if status == InstallationStatus.UNINSTALLED else None
    await session.execute(
        update(Installation)
        .where(Installation.id == installation_id)
        .values(status=status, uninstalled_at=uninstalled_at)
        .add_cte(event.cte("event"))
    )


async def find_config_schema(session: AsyncSession, installation_id: uuid.UUID) -> dict[str, Any] | None:
    """The config schema of the release that the installation runs; None: it takes no config."""
    effective = effective_release(Release.config_schema)
    query = (
        select(effective.c.config_schema)
        .select_from(Installation)
        .join(Cat, Cat.id == Installation.cat_id)
        .join(effective, true())
        .where(Installation.id == installation_id)
    )
    return await session.scalar(query)


async def change_installation(session: AsyncSession, installation_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Set columns of the installation.

    Raises:
        InstanceNameTakenError
    """
    try:
        await session.execute(update(Installation).where(Installation.id == installation_id).values(**values))
    except IntegrityError as error:
        if broken_constraint(error) == _LIVING_NAME:
            raise InstanceNameTakenError(values["instance_name"]) from None
        raise


async def lock_unpurged(session: AsyncSession, *, uninstalled_for: dt.timedelta) -> Sequence[uuid.UUID]:
    """Some installations that are to be emptied, those before that nobody else is busy with."""
    query = (
        select(Installation.id)
        .where(
            Installation.uninstalled_at < func.now() - uninstalled_for,
            Installation.uninstalled_at.is_not(None),
            Installation.purged_at.is_(None),
        )
        .order_by(Installation.uninstalled_at)
        .limit(_PURGED_AT_ONCE)
        # Without their keys: what refers to one at this moment is no reason to pass it over.
        .with_for_update(skip_locked=True, key_share=True)
    )
    return (await session.scalars(query)).all()


async def remove_contents(session: AsyncSession, installation_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Remove secrets and a portion of stored values, and return the installations of which nothing is left."""
    secrets = delete(PlayerSecret).where(PlayerSecret.installation_id.in_(installation_ids))
    await session.execute(secrets.execution_options(synchronize_session=False))
    await change_portion(
        session,
        delete(StoredValue),
        key=(StoredValue.installation_id, StoredValue.key),
        where=(StoredValue.installation_id.in_(installation_ids),),
    )
    left = select(StoredValue.installation_id).where(StoredValue.installation_id.in_(installation_ids)).distinct()
    full = set(await session.scalars(left))
    return [each for each in installation_ids if each not in full]


async def mark_purged(session: AsyncSession, installation_ids: Sequence[uuid.UUID]) -> None:
    """Note that nothing is left to be removed."""
    statement = update(Installation).where(Installation.id.in_(installation_ids)).values(purged_at=func.now())
    await session.execute(statement.execution_options(synchronize_session=False))
