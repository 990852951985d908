"""The rules of releases: higher than what is published, immutable once published, and when players are asked again."""

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository as cats
from catalog_service.cats.endpoints import check_endpoint
from catalog_service.cats.errors import CatNotFoundError, ReleaseNotFoundError, TransitionNotAllowedError
from catalog_service.releases import repository
from catalog_service.releases.consent import Demands
from catalog_service.releases.errors import ReleaseImmutableError, ReleaseInvalidError, VersionNotHigherError
from catalog_service.releases.repository import FIRST_EPOCH
from catalog_service.releases.schemas import ReleaseChange, ReleaseContent
from cathouse.database import AnyRow, Database, record_event
from cathouse.identity import Principal
from cathouse.schema import Cat, CatStatus, Release
from cathouse.web import OutsideUrlRules


class ReleaseService:
    """Adds releases to a cat, and changes those that are not published yet."""

    def __init__(self, database: Database, outside_urls: OutsideUrlRules) -> None:
        self._database = database
        self._outside_urls = outside_urls

    async def create(self, developer: Principal, cat_id: uuid.UUID, content: ReleaseContent) -> AnyRow:
        """Write a new release down; nobody is offered it before it is published.

        Raises:
            CatNotFoundError, EndpointNotAllowedError, VersionNotHigherError, VersionTakenError,
            TransitionNotAllowedError: nothing was made.
        """
        check_endpoint(self._outside_urls, content.endpoint_url)

        async def create(session: AsyncSession) -> AnyRow:
            await _locked(session, developer, cat_id)
            before = await repository.find_newest_published(session, cat_id)
            epoch = epoch_after(before, content)
            release_id = await repository.add_release(session, cat_id, content, consent_epoch=epoch)
            return await _noted(session, developer, cat_id, release_id, "release.created", content.version)

        return await self._database.write(create)

    async def change(self, developer: Principal, cat_id: uuid.UUID, version: str, change: ReleaseChange) -> AnyRow:
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
            cat = await _locked(session, developer, cat_id)
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
            return await _noted(session, developer, cat_id, found.id, "release.changed", content.version)

        return await self._database.write(apply)


def epoch_after(before: AnyRow | None, content: ReleaseContent) -> int:
    """The consent epoch of a release that follows ``before``, the newest that is published.

    Raises:
        VersionNotHigherError
    """
    if before is None:
        return FIRST_EPOCH
    if precedence(content.version) <= precedence(before.version):
        raise VersionNotHigherError(content.version, before.version)
    return int(before.consent_epoch) + _demands(content).ask_for_more_than(_demands(_content(before)))


def precedence(version: str) -> tuple[int, ...]:
    """What orders versions: SemVer 2.0.0 section 11."""
    return tuple(int(part) for part in version.split("."))


async def settle_epochs(session: AsyncSession, cat_id: uuid.UUID) -> None:
    """Hold the unpublished releases of a cat to the one that was just published.

    A lower one can never be published any more, unless its developer gives it a higher version.
    """
    before = await repository.find_newest_published(session, cat_id)
    if before is None:
        return
    following = await repository.list_publishable(session, cat_id, after=before)
    epochs = {found.id: epoch_after(before, _content(found)) for found in following}
    changed = {found.id: epochs[found.id] for found in following if found.consent_epoch != epochs[found.id]}
    await repository.set_epochs(session, changed)


def _demands(content: ReleaseContent) -> Demands:
    return Demands(
        endpoint_url=content.endpoint_url,
        permissions={asked.permission_type: asked.required for asked in content.permissions},
        egress_hosts=frozenset(content.egress_hosts),
        secrets=[secret.model_dump() for secret in content.secrets],
        config_schema=content.config_schema,
    )


def _content(row: AnyRow, sent: Mapping[str, Any] | None = None) -> ReleaseContent:
    """A kept release as it was sent, with ``sent`` laid over it."""
    kept = {name: getattr(row, name) for name in ReleaseContent.model_fields}
    asked = ("permission_type", "description", "required")
    kept["permissions"] = [{name: each[name] for name in asked} for each in row.permissions]
    return ReleaseContent.model_validate({**kept, **(sent or {})})


def _changed(row: AnyRow, sent: Mapping[str, Any]) -> ReleaseContent:
    try:
        return _content(row, sent)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ReleaseInvalidError([_located(fault) for fault in faults]) from None


def _located(fault: Any) -> dict[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    location = ".".join(str(part) for part in ("body", *fault["loc"]))
    return {"location": location, "message": fault["msg"].removeprefix("Value error, "), "type": fault["type"]}


async def _locked(session: AsyncSession, developer: Principal, cat_id: uuid.UUID) -> AnyRow:
    cat = await cats.lock_cat(session, Cat.id == cat_id, Cat.developer_id == developer.user_id)
    if cat is None:
        raise CatNotFoundError
    if cat.status == CatStatus.SUSPENDED:
        raise TransitionNotAllowedError(cat.status, [])
    return cat


async def _noted(
    session: AsyncSession, developer: Principal, cat_id: uuid.UUID, release_id: uuid.UUID, action: str, version: str
) -> AnyRow:
    subject = {"cat_id": cat_id, "release_id": release_id}
    await record_event(session, action, actor_id=developer.user_id, subject=subject, detail={"version": version})
    [release] = await repository.list_releases(session, cat_id, published_only=False, version=version)
    return release
