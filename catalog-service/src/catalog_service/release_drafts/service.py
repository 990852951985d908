"""The rules of drafts of releases: higher than what is published, and immutable once published."""

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository as cats
from catalog_service.cats.endpoints import check_endpoint
from catalog_service.cats.ownership import lock_own_unsuspended_cat
from catalog_service.releases import repository
from catalog_service.releases.epochs import content_of, epoch_after
from catalog_service.releases.errors import ReleaseImmutableError, ReleaseInvalidError, ReleaseNotFoundError
from catalog_service.releases.schemas import ReleaseChange, ReleaseContent
from cathouse.database import AnyRow, Database, record_event
from cathouse.schema import Release
from cathouse.web import OutsideUrlRules


class ReleaseDraftService:
    """Adds releases to a cat, and changes those that are not published yet."""

    def __init__(self, database: Database, outside_urls: OutsideUrlRules) -> None:
        self._database = database
        self._outside_urls = outside_urls

    async def create(self, developer_id: uuid.UUID, cat_id: uuid.UUID, content: ReleaseContent) -> AnyRow:
        """Write a new release down; nobody is offered it before it is published.

        Raises:
            CatNotFoundError, EndpointNotAllowedError, VersionNotHigherError, VersionTakenError,
            TransitionNotAllowedError: nothing was made.
        """
        check_endpoint(self._outside_urls, content.endpoint_url)

        async def create(session: AsyncSession) -> AnyRow:
            await lock_own_unsuspended_cat(session, cat_id, developer_id)
            before = await repository.find_newest_published(session, cat_id)
            epoch = epoch_after(before, content)
            release_id = await repository.add_release(session, cat_id, content, consent_epoch=epoch)
            return await _noted(session, developer_id, cat_id, release_id, "release.created", content.version)

        return await self._database.write(create)

    async def change(self, developer_id: uuid.UUID, cat_id: uuid.UUID, version: str, change: ReleaseChange) -> AnyRow:
        """Change an unpublished release; what is not sent stays.

        Raises:
            CatNotFoundError, ReleaseNotFoundError, ReleaseImmutableError, ReleaseInvalidError,
            EndpointNotAllowedError, VersionNotHigherError, VersionTakenError, TransitionNotAllowedError: nothing was
            changed.
        """
        sent = change.model_dump(exclude_unset=True)
        if "endpoint_url" in sent:
            check_endpoint(self._outside_urls, change.endpoint_url)

        async def apply(session: AsyncSession) -> AnyRow:
            cat = await lock_own_unsuspended_cat(session, cat_id, developer_id)
            found = await repository.find_content(session, Release.cat_id == cat_id, Release.version == version)
            if found is None:
                raise ReleaseNotFoundError
            if found.published_at is not None:
                raise ReleaseImmutableError(version)
            content = _changed(found, sent)
            before = await repository.find_newest_published(session, cat_id)
            epoch = epoch_after(before, content)
            await repository.replace_content(session, cat_id, found.id, content, consent_epoch=epoch)
            if before is None and cat.version == version:  # a draft shows what its first release says
                shown = {"version": content.version, "endpoint_url": content.endpoint_url}
                await cats.change_cat(session, cat_id, shown)
                await repository.take_over_permissions(session, cat_id, found.id)
            return await _noted(session, developer_id, cat_id, found.id, "release.changed", content.version)

        return await self._database.write(apply)


def _changed(row: AnyRow, sent: Mapping[str, Any]) -> ReleaseContent:
    try:
        return content_of(row, sent)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ReleaseInvalidError([_located(fault) for fault in faults]) from None


def _located(fault: ErrorDetails) -> dict[str, str]:
    location = ".".join(str(part) for part in ("body", *fault["loc"]))
    return {"location": location, "message": fault["msg"].removeprefix("Value error, "), "type": fault["type"]}


async def _noted(
    session: AsyncSession, developer_id: uuid.UUID, cat_id: uuid.UUID, release_id: uuid.UUID, action: str, version: str
) -> AnyRow:
    subject = {"cat_id": cat_id, "release_id": release_id}
    await record_event(session, action, actor_id=developer_id, subject=subject, detail={"version": version})
    [release] = await repository.list_releases(session, cat_id, published_only=False, version=version)
    return release
