"""Which release follows which, and when players are asked again."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.releases import repository
from catalog_service.releases.consent import Demands
from catalog_service.releases.errors import VersionNotHigherError
from catalog_service.releases.repository import FIRST_EPOCH
from catalog_service.releases.schemas import ReleaseContent
from cathouse.database import AnyRow


def epoch_after(before: AnyRow | None, content: ReleaseContent) -> int:
    """The consent epoch of a release that follows ``before``, the newest that is published.

    Raises:
        VersionNotHigherError
    """
    if before is None:
        return FIRST_EPOCH
    if precedence(content.version) <= precedence(before.version):
        raise VersionNotHigherError(content.version, before.version)
    return int(before.consent_epoch) + _demands(content).ask_for_more_than(_demands(content_of(before)))


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
    epochs = {found.id: epoch_after(before, content_of(found)) for found in following}
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


def content_of(row: AnyRow, sent: Mapping[str, Any] | None = None) -> ReleaseContent:
    """A kept release as it was sent, with ``sent`` laid over it."""
    kept = {name: getattr(row, name) for name in ReleaseContent.model_fields}
    asked = ("permission_type", "description", "required")
    kept["permissions"] = [{name: each[name] for name in asked} for each in row.permissions]
    return ReleaseContent.model_validate({**kept, **(sent or {})})
