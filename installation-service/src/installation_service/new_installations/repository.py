"""All SQL about what is being installed."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, and_, func, insert, or_, select, true
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, broken_constraint
from cathouse.schema import (
    Cat,
    CatStatus,
    Installation,
    InstallationPermission,
    LifecycleEventType,
    Permission,
    PlayerAlias,
    PlayerSecret,
    Release,
    ReleasePermission,
)
from installation_service.installations.errors import InstanceNameTakenError
from installation_service.installations.repository import LIVING_NAME, grant_rows, secret_rows
from installation_service.lifecycle.repository import event_of
from installation_service.new_installations.errors import CatNotFoundError

_OF_A_REMOVED_CAT = {
    "fk_lifecycle_events_cat_id_cats",
    "fk_installations_cat_id_cats",
    "fk_player_aliases_cat_id_cats",
    "fk_installation_permissions_permission_id_permissions",
}
"""The constraints that are broken when a cat is removed in the instant in which it is installed."""


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
        answers = grant_rows(new.id, new.grants)
        statement = statement.add_cte(insert(InstallationPermission).values(answers).cte("grants"))
    if new.wrapped_secrets:
        secrets = secret_rows(new.id, new.wrapped_secrets, key_id=new.secrets_key_id)
        statement = statement.add_cte(insert(PlayerSecret).values(secrets).cte("secrets"))
    try:
        await session.execute(statement)
    except IntegrityError as error:
        broken = broken_constraint(error)
        if broken == LIVING_NAME:
            raise InstanceNameTakenError(new.instance_name) from None
        if broken in _OF_A_REMOVED_CAT:
            raise CatNotFoundError from None
        raise
