"""All SQL about releases and the permissions that they ask for."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import JSON, ColumnElement, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from catalog_service.releases.errors import VersionTakenError
from catalog_service.releases.schemas import PermissionRequest, ReleaseContent
from cathouse.database import AnyRow, AnySelect, broken_constraint
from cathouse.schema import Permission, Release, ReleasePermission

FIRST_EPOCH = 1


def requested_permissions(*conditions: ColumnElement[bool]) -> AnySelect:
    """The permissions that the releases which meet ``conditions`` ask for, as one JSON list."""
    permission = func.json_build_object(
        "id",
        Permission.id,
        "permission_type",
        Permission.permission_type,
        "description",
        ReleasePermission.description,
        "required",
        ReleasePermission.required,
    )
    listed = func.json_agg(permission).aggregate_order_by(Permission.permission_type)
    return (
        select(func.coalesce(listed, func.json_build_array(), type_=JSON))
        .select_from(ReleasePermission)
        .join(Permission, Permission.id == ReleasePermission.permission_id)
        .where(*conditions)
    )


_CONTENT = (
    Release.id,
    Release.version,
    Release.changelog,
    Release.endpoint_url,
    Release.config_schema,
    Release.egress_hosts,
    Release.secrets,
    Release.timeout_s,
    Release.published_at,
    requested_permissions(ReleasePermission.release_id == Release.id)
    .correlate(Release)
    .scalar_subquery()
    .label("permissions"),
)


def _releases() -> AnySelect:
    """Every column of a release's views, with its permissions, and whether it asks for more than the one before."""
    before = aliased(Release)
    epoch_before = (
        select(func.max(before.consent_epoch))
        .where(before.cat_id == Release.cat_id, before.precedence < Release.precedence)
        .where(before.published_at.is_not(None))
        .scalar_subquery()
    )
    asks_for_consent = func.coalesce(Release.consent_epoch > epoch_before, False).label("asks_for_consent")
    return select(*_CONTENT, Release.cat_id, asks_for_consent)


async def add_release(
    session: AsyncSession, cat_id: uuid.UUID, content: ReleaseContent, *, consent_epoch: int
) -> uuid.UUID:
    """Keep a release with the permissions that it asks for, and return its id.

    Raises:
        VersionTakenError: the cat has a release of the version.
    """
    release = Release(cat_id=cat_id, consent_epoch=consent_epoch, **_columns(content))
    async with _as_the_only(session, content.version):
        session.add(release)
    await _ask(session, cat_id, release.id, content.permissions)
    return release.id


@asynccontextmanager
async def _as_the_only(session: AsyncSession, version: str) -> AsyncIterator[None]:
    """A savepoint in which the cat gets a release of ``version``, when it has none.

    Raises:
        VersionTakenError: it has one.
    """
    try:
        async with session.begin_nested():
            yield
    except IntegrityError as error:
        if broken_constraint(error) == "uq_releases_cat_id_version":
            raise VersionTakenError(version) from None
        raise


def _columns(content: ReleaseContent) -> dict[str, Any]:
    return {
        "version": content.version,
        "changelog": content.changelog,
        "endpoint_url": content.endpoint_url,
        "config_schema": content.config_schema,
        "egress_hosts": content.egress_hosts,
        "secrets": [secret.model_dump() for secret in content.secrets],
        "timeout_s": content.timeout_s,
    }


async def _ask(
    session: AsyncSession, cat_id: uuid.UUID, release_id: uuid.UUID, permissions: Sequence[PermissionRequest]
) -> None:
    if not permissions:
        return
    ids = await _permission_ids(session, cat_id, permissions)
    await session.execute(
        insert(ReleasePermission),
        [
            {
                "release_id": release_id,
                "permission_id": ids[asked.permission_type],
                "description": asked.description,
                "required": asked.required,
            }
            for asked in permissions
        ],
    )


def _contents(*conditions: ColumnElement[bool]) -> AnySelect:
    return select(*_CONTENT, Release.consent_epoch).where(*conditions).order_by(Release.precedence.desc())


async def find_content(session: AsyncSession, *conditions: ColumnElement[bool]) -> AnyRow | None:
    """What the newest release that meets ``conditions`` holds, and what it is called."""
    return (await session.execute(_contents(*conditions).limit(1))).one_or_none()


async def find_newest_published(session: AsyncSession, cat_id: uuid.UUID) -> AnyRow | None:
    """The newest published release of a cat."""
    return await find_content(session, Release.cat_id == cat_id, Release.published_at.is_not(None))


async def list_publishable(session: AsyncSession, cat_id: uuid.UUID, *, after: AnyRow) -> Sequence[AnyRow]:
    """The contents of a cat's releases that can still follow ``after``."""
    higher = select(Release.precedence).where(Release.id == after.id).scalar_subquery()
    query = _contents(Release.cat_id == cat_id, Release.published_at.is_(None), Release.precedence > higher)
    return (await session.execute(query)).all()


async def replace_content(
    session: AsyncSession, cat_id: uuid.UUID, release_id: uuid.UUID, content: ReleaseContent, *, consent_epoch: int
) -> None:
    """Let an unpublished release hold ``content``.

    Raises:
        VersionTakenError: another release of the cat has the version.
    """
    statement = update(Release).where(Release.id == release_id, Release.published_at.is_(None))
    values = {**_columns(content), "consent_epoch": consent_epoch}
    async with _as_the_only(session, content.version):
        await session.execute(statement.values(**values))
    await session.execute(delete(ReleasePermission).where(ReleasePermission.release_id == release_id))
    await _ask(session, cat_id, release_id, content.permissions)


async def set_epochs(session: AsyncSession, epochs: Mapping[uuid.UUID, int]) -> None:
    """Say of releases whether they ask for more than what is published."""
    if epochs:
        await session.execute(
            update(Release), [{"id": release_id, "consent_epoch": epoch} for release_id, epoch in epochs.items()]
        )


async def list_releases(
    session: AsyncSession, cat_id: uuid.UUID, *, published_only: bool, version: str | None = None
) -> Sequence[AnyRow]:
    """The releases of a cat, newest first."""
    query = _releases().where(Release.cat_id == cat_id).order_by(Release.precedence.desc())
    if published_only:
        query = query.where(Release.published_at.is_not(None))
    if version is not None:
        query = query.where(Release.version == version)
    return (await session.execute(query)).all()


async def mark_published(session: AsyncSession, release_id: uuid.UUID) -> None:
    """Make a release immutable and offer it, unless it was published before."""
    await session.execute(
        update(Release).where(Release.id == release_id, Release.published_at.is_(None)).values(published_at=func.now())
    )


async def take_over_permissions(session: AsyncSession, cat_id: uuid.UUID, release_id: uuid.UUID) -> None:
    """Let the cat's permissions say what this release asks for.

    One that is asked for no more keeps its row, since players' answers point to it, and is required no more.
    """
    asked = select(ReleasePermission).where(ReleasePermission.release_id == release_id).subquery()
    await session.execute(
        update(Permission)
        .where(Permission.cat_id == cat_id, Permission.id == asked.c.permission_id)
        .values(description=asked.c.description, required=asked.c.required)
    )
    await session.execute(
        update(Permission)
        .where(Permission.cat_id == cat_id, Permission.required, Permission.id.not_in(select(asked.c.permission_id)))
        .values(required=False)
    )


async def _permission_ids(
    session: AsyncSession, cat_id: uuid.UUID, permissions: Sequence[PermissionRequest]
) -> dict[str, uuid.UUID]:
    """The ids of the cat's permissions by type; those that it never asked for before are made."""
    await session.execute(
        upsert(Permission).on_conflict_do_nothing(constraint="uq_permissions_cat_id_permission_type"),
        [{"id": uuid.uuid4(), "cat_id": cat_id, **asked.model_dump()} for asked in permissions],
    )
    rows = await session.execute(select(Permission.permission_type, Permission.id).where(Permission.cat_id == cat_id))
    return {row.permission_type: row.id for row in rows}
