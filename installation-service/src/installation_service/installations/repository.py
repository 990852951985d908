"""All SQL about installations."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, case, func, select, true, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import LateralFromClause

from cathouse.database import AnyRow, AnySelect, broken_constraint, newest_first
from cathouse.schema import (
    Cat,
    Installation,
    InstallationPermission,
    InstallationStatus,
    Permission,
    PlayerSecret,
    Release,
    ReleasePermission,
    effective_release,
)
from installation_service.installations.errors import InstanceNameTakenError
from installation_service.standing.repository import select_standing

LIVING_NAME = "uq_installations_living_name"
"""The constraint by which a player has a cat under one name once."""


def latest_release(*columns: InstrumentedAttribute[Any]) -> LateralFromClause:
    """The highest published release of an installation's cat, as a lateral subquery; ``columns`` are further ones."""
    return (
        select(Release.id, Release.version, Release.precedence, Release.secrets, *columns)
        .where(Release.cat_id == Installation.cat_id, Release.published_at.is_not(None))
        .order_by(Release.precedence.desc())
        .limit(1)
        .lateral("latest")
    )


def requested_permissions(release_id: ColumnElement[uuid.UUID]) -> ColumnElement[Any]:
    """What a release asks for with the player's answers, as one JSON list."""
    permission = func.json_build_object(
        "id",
        Permission.id,
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


def given_secrets() -> ColumnElement[Any]:
    """The names of the secrets that the player gave, as one JSON list."""
    return (
        select(func.coalesce(func.json_agg(PlayerSecret.name), func.json_build_array(), type_=JSON))
        .where(PlayerSecret.installation_id == Installation.id)
        .correlate(Installation)
        .scalar_subquery()
    )


def _installations() -> AnySelect:
    """Every column of an installation's view: one query, one round trip."""
    effective = effective_release(Release.id, Release.version, Release.precedence, Release.secrets)
    latest = latest_release()
    waits = latest.c.precedence > effective.c.precedence
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
            requested_permissions(effective.c.id).label("permissions"),
            effective.c.secrets,
            given_secrets().label("secrets_set"),
            case((waits, latest.c.version)).label("newer_version"),
            case((waits, requested_permissions(latest.c.id))).label("newer_permissions"),
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


def grant_rows(installation_id: uuid.UUID, grants: Mapping[uuid.UUID, bool]) -> list[dict[str, Any]]:
    """A player's answers, by the permissions' ids, as rows to be kept."""
    return [
        {
            "installation_id": installation_id,
            "permission_id": permission_id,
            "granted": granted,
            "granted_at": func.now() if granted else None,
        }
        for permission_id, granted in grants.items()
    ]


def secret_rows(
    installation_id: uuid.UUID, wrapped_secrets: Mapping[str, bytes], *, key_id: str
) -> list[dict[str, Any]]:
    """A player's wrapped secrets, by their names, as rows to be kept."""
    return [
        {"installation_id": installation_id, "name": name, "wrapped_value": wrapped, "key_id": key_id}
        for name, wrapped in wrapped_secrets.items()
    ]


async def is_owned(session: AsyncSession, installation_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Whether the installation is the player's."""
    query = select(Installation.id).where(Installation.id == installation_id, Installation.user_id == user_id)
    return await session.scalar(query) is not None


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
        select(Installation.status, Installation.cat_id, Installation.config)
        .where(Installation.id == installation_id, Installation.user_id == user_id)
        .with_for_update(key_share=True)
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
        if broken_constraint(error) == LIVING_NAME:
            raise InstanceNameTakenError(values["instance_name"]) from None
        raise
