"""All SQL about what messages are made of."""

import uuid

from sqlalchemy import FromClause, and_, bindparam, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, AnySelect
from cathouse.schema import (
    Cat,
    Installation,
    PlayerAlias,
    Release,
    User,
    UserPreferences,
    effective_release,
    granted_now,
    is_active,
)


async def find_release(session: AsyncSession, release_id: uuid.UUID) -> AnyRow | None:
    """Where a release answers, and what its cat's messages are signed with."""
    return (await session.execute(select_releases().where(Release.id == release_id))).one_or_none()


def select_releases() -> AnySelect:
    """All that a message to a release's endpoint depends on which is about no installation."""
    return select(
        Release.endpoint_url,
        Release.version,
        Release.timeout_s,
        Cat.id.label("cat_id"),
        Cat.signing_root,
        Cat.signing_secret_version,
        Cat.previous_signing_root,
        Cat.signing_secret_rotated_at,
    ).join(Cat, Cat.id == Release.cat_id)


async def find_target(session: AsyncSession, installation_id: uuid.UUID) -> AnyRow | None:
    """What is known of an installation at this moment, whatever became of it."""
    return (await session.execute(_TARGET, {"installation_id": installation_id})).one_or_none()


def select_targets(installations: FromClause) -> AnySelect:
    """All that a message about an installation says and depends on: its state, release, grants and player.

    ``installations`` is ``Installation``, alone or joined with what narrows it down. ``release_id`` is null where no
    release is effective, and ``alias`` where the player was erased.
    """
    effective = effective_release(Release.id, Release.version, Release.endpoint_url, Release.timeout_s)
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
            is_active().label("is_active"),
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
            granted_now(effective).label("granted"),
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


_TARGET = select_targets(Installation.__table__).where(Installation.id == bindparam("installation_id"))
