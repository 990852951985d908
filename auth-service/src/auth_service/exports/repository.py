"""All SQL of an export: what belongs to a person, table by table. No secret is in it, nor what would open one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import (
    ApiKey,
    AuditAddress,
    AuditEvent,
    Base,
    Cat,
    CatReport,
    Installation,
    InstallationPermission,
    Interaction,
    Notification,
    Permission,
    PermissionUse,
    PlayerAlias,
    PlayerSecret,
    Release,
    Session,
    StoredValue,
    Task,
    UserPreferences,
)

PAGE = 200
LARGE_PAGE = 20
"""Rows of a page where each may have 64 KiB."""


@dataclass(frozen=True, slots=True)
class Section:
    """One list of an export, read in pages by its key."""

    name: str
    query: AnySelect
    key: tuple[InstrumentedAttribute[Any], ...]
    page: int = PAGE


def sections(user_id: uuid.UUID) -> Sequence[Section]:
    """Every list, in the order of the services."""
    own_cats = select(Cat.id).where(Cat.developer_id == user_id)
    own_installations = select(Installation.id).where(Installation.user_id == user_id)
    return (
        Section("preferences", _all(UserPreferences).where(UserPreferences.user_id == user_id), (UserPreferences.id,)),
        Section("sessions", _all(Session, "key_id").where(Session.user_id == user_id), (Session.id,)),
        Section("api_keys", _all(ApiKey, "hash").where(ApiKey.user_id == user_id), (ApiKey.id,)),
        Section("audit_events", _all(AuditEvent).where(AuditEvent.actor_id == user_id), (AuditEvent.id,)),
        Section(
            "audit_addresses",
            _all(AuditAddress).where(
                AuditAddress.audit_event_id.in_(select(AuditEvent.id).where(AuditEvent.actor_id == user_id))
            ),
            (AuditAddress.id,),
        ),
        Section(
            "cats", _all(Cat, "signing_root", "previous_signing_root").where(Cat.developer_id == user_id), (Cat.id,)
        ),
        Section("permissions", _all(Permission).where(Permission.cat_id.in_(own_cats)), (Permission.id,)),
        Section("releases", _all(Release).where(Release.cat_id.in_(own_cats)), (Release.id,), LARGE_PAGE),
        Section("reports", _all(CatReport).where(CatReport.reporter_id == user_id), (CatReport.id,)),
        Section("installations", _all(Installation).where(Installation.user_id == user_id), (Installation.id,)),
        Section(
            "grants",
            _all(InstallationPermission).where(InstallationPermission.installation_id.in_(own_installations)),
            (InstallationPermission.installation_id, InstallationPermission.permission_id),
        ),
        Section("aliases", _all(PlayerAlias).where(PlayerAlias.user_id == user_id), (PlayerAlias.cat_id,)),
        Section(
            "stored_values",
            _all(StoredValue).where(StoredValue.installation_id.in_(own_installations)),
            (StoredValue.installation_id, StoredValue.key),
            LARGE_PAGE,
        ),
        Section(
            "secrets",
            select(
                PlayerSecret.installation_id, PlayerSecret.name, PlayerSecret.created_at, PlayerSecret.updated_at
            ).where(PlayerSecret.installation_id.in_(own_installations)),
            (PlayerSecret.installation_id, PlayerSecret.name),
        ),
        Section("notifications", _all(Notification).where(Notification.user_id == user_id), (Notification.id,)),
        Section("tasks", _all(Task).where(Task.user_id == user_id), (Task.id,)),
        Section(
            "permission_uses",
            _all(PermissionUse).where(PermissionUse.installation_id.in_(own_installations)),
            (PermissionUse.id,),
        ),
        Section(
            "interactions",
            _all(Interaction).where(Interaction.installation_id.in_(own_installations)),
            (Interaction.id,),
        ),
    )


def _all(model: type[Base], *but: str) -> AnySelect:
    return select(*(column for name, column in model.__mapper__.columns.items() if name not in but))


async def read_page(session: AsyncSession, *, section: Section, after: tuple[Any, ...] | None) -> Sequence[AnyRow]:
    """The rows of a section behind ``after``."""
    query = section.query if after is None else section.query.where(tuple_(*section.key) > after)
    return (await session.execute(query.order_by(*section.key).limit(section.page))).all()
