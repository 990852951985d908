"""All SQL about what is delivered, and what any message about an installation is made of."""

import uuid

from sqlalchemy import FromClause, and_, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import (
    Cat,
    Installation,
    InstallationPermission,
    Permission,
    PlayerAlias,
    Release,
    ReleasePermission,
    User,
    UserPreferences,
    effective_release,
)


async def find_release(session: AsyncSession, release_id: uuid.UUID) -> AnyRow | None:
    """Where a release answers, and what its cat's messages are signed with."""
    query = (
        select(
            Release.endpoint_url,
            Release.version,
            Release.timeout_s,
            Cat.id.label("cat_id"),
            Cat.signing_root,
            Cat.signing_secret_version,
            Cat.previous_signing_root,
            Cat.signing_secret_rotated_at,
        )
        .join(Cat, Cat.id == Release.cat_id)
        .where(Release.id == release_id)
    )
    return (await session.execute(query)).one_or_none()


async def find_target(session: AsyncSession, installation_id: uuid.UUID) -> AnyRow | None:
    """What is known of an installation at this moment, whatever became of it."""
    query = select_targets(Installation.__table__).where(Installation.id == installation_id)
    return (await session.execute(query)).one_or_none()


def select_targets(installations: FromClause) -> AnySelect:
    """All that a message about an installation says and depends on: its state, release, grants and player.

    ``installations`` is ``Installation``, alone or joined with what narrows it down. ``release_id`` is null where no
    release is effective, and ``alias`` where the player was erased.
    """
    effective = effective_release(Release.id, Release.version, Release.endpoint_url, Release.timeout_s)
    granted = (
        select(func.coalesce(func.array_agg(Permission.permission_type), array([], type_=Text), type_=ARRAY(Text)))
        .select_from(InstallationPermission)
        .join(Permission, Permission.id == InstallationPermission.permission_id)
        .join(ReleasePermission, ReleasePermission.permission_id == Permission.id)
        .where(
            InstallationPermission.installation_id == Installation.id,
            InstallationPermission.granted,
            ReleasePermission.release_id == effective.c.id,
        )
        .correlate(Installation, effective)
        .scalar_subquery()
    )
    return (
        select(
            Installation.id,
            Installation.user_id,
            Installation.instance_name,
            Installation.config,
            Installation.status,
            Installation.developer_suspended_at,
            Installation.operator_suspended_at,
            Installation.grant_generation,
            Cat.id.label("cat_id"),
            Cat.status.label("cat_status"),
            Cat.signing_root,
            Cat.signing_secret_version,
            Cat.previous_signing_root,
            Cat.signing_secret_rotated_at,
            effective.c.id.label("release_id"),
            effective.c.version,
            effective.c.endpoint_url,
            effective.c.timeout_s,
            granted.label("granted"),
            PlayerAlias.alias,
            UserPreferences.nickname,
            User.timezone,
        )
        .select_from(installations)
        .join(Cat, Cat.id == Installation.cat_id)
        .join(User, User.id == Installation.user_id)
        .outerjoin(
            PlayerAlias, and_(PlayerAlias.user_id == Installation.user_id, PlayerAlias.cat_id == Installation.cat_id)
        )
        .outerjoin(UserPreferences, UserPreferences.user_id == Installation.user_id)
        .outerjoin(effective, true())
    )
