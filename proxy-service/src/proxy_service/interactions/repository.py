"""All SQL about interactions: one look-up that decides everything, for many installations at once."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import UUID, and_, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from cathouse.database import AnyRow
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

Key = tuple[uuid.UUID, uuid.UUID]
"""An installation and the player who says that it is theirs: ownership is part of the question."""


async def find_targets(session: AsyncSession, keys: Sequence[Key]) -> Mapping[Key, AnyRow]:
    """What is known of each installation at this moment: its state, its release, its grants, its player."""
    wanted = (
        func.unnest(
            literal([key[0] for key in keys], ARRAY(UUID(as_uuid=True))),
            literal([key[1] for key in keys], ARRAY(UUID(as_uuid=True))),
        )
        .table_valued(column("installation_id", UUID(as_uuid=True)), column("user_id", UUID(as_uuid=True)))
        .render_derived("wanted")
    )
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
    query = (
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
        .select_from(wanted)
        .join(
            Installation,
            and_(Installation.id == wanted.c.installation_id, Installation.user_id == wanted.c.user_id),
        )
        .join(Cat, Cat.id == Installation.cat_id)
        .join(User, User.id == Installation.user_id)
        .join(PlayerAlias, and_(PlayerAlias.user_id == Installation.user_id, PlayerAlias.cat_id == Installation.cat_id))
        .outerjoin(UserPreferences, UserPreferences.user_id == Installation.user_id)
        .outerjoin(effective, true())
    )
    rows = (await session.execute(query)).all()
    return {(row.id, row.user_id): row for row in rows}
