"""The rules of publications: what is offered answers, and is higher than what was offered before."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository as cats
from catalog_service.cats.endpoints import check_endpoint
from catalog_service.cats.errors import TransitionNotAllowedError
from catalog_service.cats.ownership import check_owner, existing_cat, lock_own_cat
from catalog_service.embeddings.service import EmbeddingService
from catalog_service.publications import repository
from catalog_service.publications.errors import CatChangedMeanwhileError
from catalog_service.releases import repository as releases
from catalog_service.releases.epochs import precedence, settle_epochs
from catalog_service.releases.errors import ReleaseNotFoundError, VersionNotHigherError
from catalog_service.search_index import repository as search_index
from cathouse.database import AnyRow, Database, record_event
from cathouse.schema import CatStatus
from cathouse.web import OutsideUrlRules, ServiceClient
from cathouse.web.challenges import challenge_endpoint


class PublicationService:
    """Offers releases in the catalog, and takes cats out of it."""

    def __init__(
        self, database: Database, proxy: ServiceClient, embeddings: EmbeddingService, outside_urls: OutsideUrlRules
    ) -> None:
        self._database = database
        self._proxy = proxy
        self._embeddings = embeddings
        self._outside_urls = outside_urls

    async def publish(self, developer_id: uuid.UUID, cat_id: uuid.UUID, version: str | None) -> AnyRow:
        """Challenge the release's endpoint through proxy-service, and offer it in the catalog.

        Raises:
            CatNotFoundError, ReleaseNotFoundError, TransitionNotAllowedError, EndpointNotAllowedError,
            EndpointChallengeFailedError, CatChangedMeanwhileError, VersionNotHigherError, ServiceUnavailableError:
            nothing was published.
        """

        async def choose(session: AsyncSession) -> AnyRow:
            release = await repository.release_to_publish(session, cat_id, developer_id, version)
            if release is None:
                await check_owner(session, cat_id, developer_id)
                raise ReleaseNotFoundError
            return release

        release = await self._database.read(choose)
        _check_publishable(release.status, already_published=release.published_at is not None)
        check_endpoint(self._outside_urls, release.endpoint_url)
        await challenge_endpoint(self._proxy, release.id)

        async def publish(session: AsyncSession) -> AnyRow:
            cat = await lock_own_cat(session, cat_id, developer_id)
            _check_publishable(cat.status, already_published=release.published_at is not None)
            if not await repository.release_is_unchanged(session, release):
                raise CatChangedMeanwhileError
            newest = await releases.find_newest_published(session, cat_id)
            if newest is not None and precedence(release.version) < precedence(newest.version):
                raise VersionNotHigherError(release.version, newest.version)
            await releases.mark_published(session, release.id)
            if newest is None or newest.id != release.id:
                await settle_epochs(session, cat_id)
            await releases.take_over_permissions(session, cat_id, release.id)
            offered = {
                "status": CatStatus.PUBLISHED,
                "version": release.version,
                "endpoint_url": release.endpoint_url,
            }
            await cats.change_cat(session, cat_id, offered)
            await search_index.refresh(session, cat_id)
            await record_event(
                session,
                "cat.published",
                actor_id=developer_id,
                subject={"cat_id": cat_id, "release_id": release.id},
                detail={"version": release.version},
            )
            return await existing_cat(session, cat_id)

        published = await self._database.write(publish)
        self._embeddings.wake()
        return published

    async def unpublish(self, developer_id: uuid.UUID, cat_id: uuid.UUID) -> AnyRow:
        """Take a cat out of the catalog; what is installed goes on working.

        Raises:
            CatNotFoundError, TransitionNotAllowedError: nothing was changed.
        """

        async def unpublish(session: AsyncSession) -> AnyRow:
            cat = await lock_own_cat(session, cat_id, developer_id)
            if cat.status != CatStatus.PUBLISHED:
                raise TransitionNotAllowedError(cat.status, _allowed_moves(cat.status))
            await cats.change_cat(session, cat_id, {"status": CatStatus.DRAFT})
            await record_event(session, "cat.unpublished", actor_id=developer_id, subject={"cat_id": cat_id})
            return await existing_cat(session, cat_id)

        return await self._database.write(unpublish)


def _check_publishable(status: str, *, already_published: bool) -> None:
    if status == CatStatus.SUSPENDED or (status == CatStatus.PUBLISHED and already_published):
        raise TransitionNotAllowedError(status, _allowed_moves(status))


def _allowed_moves(status: str) -> list[str]:
    """What an owner can do with a cat in this state; only an admin lifts a suspension."""
    return {CatStatus.DRAFT: ["publish"], CatStatus.PUBLISHED: ["publish a new release", "unpublish"]}.get(
        CatStatus(status), []
    )
