"""The rules of cats: who may do what with one, and its way from draft to the catalog and back."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository
from catalog_service.cats.endpoints import check_endpoint
from catalog_service.cats.errors import (
    CatChangedMeanwhileError,
    CatNotFoundError,
    EndpointChallengeFailedError,
    SlugTakenError,
    TransitionNotAllowedError,
)
from catalog_service.cats.schemas import CatChange, CatCreation
from catalog_service.cats.slugs import another, slug_from
from catalog_service.embeddings.service import EmbeddingService
from catalog_service.releases import repository as releases
from catalog_service.releases.epochs import precedence, settle_epochs
from catalog_service.releases.errors import ReleaseNotFoundError, VersionNotHigherError
from catalog_service.search_index import repository as search_index
from cathouse.database import AnyRow, BatchLoader, Database, record_event
from cathouse.identity import Keyring, Principal
from cathouse.schema import Cat, CatStatus, Role
from cathouse.web import OutsideUrlRules, ServiceClient


def may_see(cat: AnyRow | None, person: Principal | None) -> bool:
    """Whether ``person`` may know of the cat: everybody of a published one, its owner and admins of any."""
    return cat is not None and (cat.status == CatStatus.PUBLISHED or is_owner_or_admin(cat, person))


def is_owner_or_admin(cat: AnyRow, person: Principal | None) -> bool:
    """Whether ``person`` sees what only owners and admins see."""
    return person is not None and (person.user_id == cat.developer_id or person.has_role(Role.ADMIN))


class CatService:
    """Makes cats, shows them, and moves them between their states."""

    def __init__(
        self,
        database: Database,
        proxy: ServiceClient,
        embeddings: EmbeddingService,
        signing_keys: Keyring,
        outside_urls: OutsideUrlRules,
    ) -> None:
        self._database = database
        self._proxy = proxy
        self._embeddings = embeddings
        self._signing_keys = signing_keys
        self._outside_urls = outside_urls
        self._cats: BatchLoader[uuid.UUID, AnyRow] = BatchLoader(self._load)

    async def create(self, developer: Principal, creation: CatCreation) -> AnyRow:
        """Make a draft with its first release.

        Raises:
            EndpointNotAllowedError, SlugTakenError: nothing was made.
        """
        check_endpoint(self._outside_urls, creation.endpoint_url)
        signing_root, _ = self._signing_keys.current

        async def create(session: AsyncSession) -> AnyRow:
            slug = creation.slug or slug_from(creation.name)
            try:
                cat_id = await repository.add_cat(
                    session, developer.user_id, creation, slug=slug, signing_root=signing_root
                )
            except SlugTakenError:
                if creation.slug is not None:
                    raise
                cat_id = await repository.add_cat(
                    session, developer.user_id, creation, slug=another(slug), signing_root=signing_root
                )
            await releases.add_release(session, cat_id, creation, consent_epoch=releases.FIRST_EPOCH)
            await search_index.refresh(session, cat_id)
            await record_event(session, "cat.created", actor_id=developer.user_id, subject={"cat_id": cat_id})
            return await existing_cat(session, cat_id)

        return await self._database.write(create)

    async def find(self, reference: uuid.UUID | str, person: Principal | None) -> AnyRow:
        """The cat with this id or slug.

        Raises:
            CatNotFoundError: also when the person may not know of it.
        """
        if isinstance(reference, uuid.UUID):
            cat = await self._cats.get(reference)
        else:
            cat = await self._database.read(lambda session: repository.find_cat(session, reference))
        if cat is None or not may_see(cat, person):
            raise CatNotFoundError
        return cat

    async def _load(self, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, AnyRow]:
        return await self._database.read(lambda session: repository.find_cats(session, ids))

    async def releases(
        self, cat_id: uuid.UUID, person: Principal | None, version: str | None = None
    ) -> tuple[AnyRow, Sequence[AnyRow]]:
        """A cat and those of its releases that the person may see, newest first; with ``version`` that one.

        Raises:
            CatNotFoundError, ReleaseNotFoundError
        """

        async def read(session: AsyncSession) -> tuple[AnyRow, Sequence[AnyRow]]:
            cat = await repository.find_cat(session, cat_id)
            if cat is None or not may_see(cat, person):
                raise CatNotFoundError
            published_only = not is_owner_or_admin(cat, person)
            return cat, await releases.list_releases(session, cat_id, published_only=published_only, version=version)

        cat, found = await self._database.read(read)
        if version is not None and not found:
            raise ReleaseNotFoundError
        return cat, found

    async def publish(self, developer: Principal, cat_id: uuid.UUID, version: str | None) -> AnyRow:
        """Challenge the release's endpoint through proxy-service, and offer it in the catalog.

        Raises:
            CatNotFoundError, ReleaseNotFoundError, TransitionNotAllowedError, EndpointNotAllowedError,
            EndpointChallengeFailedError, CatChangedMeanwhileError, VersionNotHigherError, ServiceUnavailableError:
            nothing was published.
        """

        async def choose(session: AsyncSession) -> AnyRow:
            release = await repository.release_to_publish(session, cat_id, developer.user_id, version)
            if release is None:
                cat = await repository.find_cat(session, cat_id)
                owned = cat is not None and cat.developer_id == developer.user_id
                raise ReleaseNotFoundError if owned else CatNotFoundError
            return release

        release = await self._database.read(choose)
        _check_publishable(release.status, already_published=release.published_at is not None)
        check_endpoint(self._outside_urls, release.endpoint_url)
        result = await self._proxy.post("/internal/v1/challenges", {"release_id": str(release.id)})
        if not result["ok"]:
            raise EndpointChallengeFailedError(result["cause"])

        async def publish(session: AsyncSession) -> AnyRow:
            cat = await _owned(session, developer, cat_id)
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
            await repository.set_status(
                session, cat_id, CatStatus.PUBLISHED, version=release.version, endpoint_url=release.endpoint_url
            )
            await search_index.refresh(session, cat_id)
            await record_event(
                session,
                "cat.published",
                actor_id=developer.user_id,
                subject={"cat_id": cat_id, "release_id": release.id},
                detail={"version": release.version},
            )
            return await existing_cat(session, cat_id)

        published = await self._database.write(publish)
        self._embeddings.wake()
        return published

    async def change(self, developer: Principal, cat_id: uuid.UUID, change: CatChange) -> AnyRow:
        """Change what may change at any time; what is not sent stays.

        Raises:
            CatNotFoundError: nothing was changed.
        """
        sent = change.model_dump(exclude_unset=True)

        async def apply(session: AsyncSession) -> AnyRow:
            await _owned(session, developer, cat_id)
            if sent:
                await repository.change_cat(session, cat_id, sent)
                await search_index.refresh(session, cat_id)
                detail = {"changed": sorted(sent)}
                await record_event(
                    session, "cat.changed", actor_id=developer.user_id, subject={"cat_id": cat_id}, detail=detail
                )
            return await existing_cat(session, cat_id)

        changed = await self._database.write(apply)
        self._embeddings.wake()
        return changed

    async def deprecate(self, developer: Principal, cat_id: uuid.UUID, message: str | None) -> AnyRow:
        """Tell players that the cat is not looked after any more, and why; None takes that back.

        Raises:
            CatNotFoundError, TransitionNotAllowedError: nothing was changed.
        """

        async def apply(session: AsyncSession) -> AnyRow:
            cat = await _owned(session, developer, cat_id)
            if cat.status == CatStatus.SUSPENDED:
                raise TransitionNotAllowedError(cat.status, allowed_moves(cat.status))
            await repository.change_cat(session, cat_id, {"deprecation": message})
            action = "cat.undeprecated" if message is None else "cat.deprecated"
            await record_event(session, action, actor_id=developer.user_id, subject={"cat_id": cat_id})
            return await existing_cat(session, cat_id)

        return await self._database.write(apply)

    async def delete(self, developer: Principal, cat_id: uuid.UUID) -> None:
        """Remove a cat that nobody ever installed, with everything that belongs to it.

        Raises:
            CatNotFoundError, CatInUseError, TransitionNotAllowedError: nothing was removed.
        """

        async def remove(session: AsyncSession) -> None:
            cat = await _owned(session, developer, cat_id)
            if cat.status == CatStatus.SUSPENDED:
                raise TransitionNotAllowedError(cat.status, allowed_moves(cat.status))
            await search_index.forget(session, cat_id)
            await repository.delete_cat(session, cat_id)
            await record_event(session, "cat.deleted", actor_id=developer.user_id, subject={"cat_id": cat_id})

        await self._database.write(remove)

    async def unpublish(self, developer: Principal, cat_id: uuid.UUID) -> AnyRow:
        """Take a cat out of the catalog; what is installed goes on working.

        Raises:
            CatNotFoundError, TransitionNotAllowedError: nothing was changed.
        """

        async def unpublish(session: AsyncSession) -> AnyRow:
            cat = await _owned(session, developer, cat_id)
            if cat.status != CatStatus.PUBLISHED:
                raise TransitionNotAllowedError(cat.status, allowed_moves(cat.status))
            await repository.set_status(session, cat_id, CatStatus.DRAFT)
            await record_event(session, "cat.unpublished", actor_id=developer.user_id, subject={"cat_id": cat_id})
            return await existing_cat(session, cat_id)

        return await self._database.write(unpublish)


def allowed_moves(status: str) -> list[str]:
    """What an owner can do with a cat in this state; only an admin lifts a suspension."""
    return {CatStatus.DRAFT: ["publish"], CatStatus.PUBLISHED: ["publish a new release", "unpublish"]}.get(
        CatStatus(status), []
    )


def _check_publishable(status: str, *, already_published: bool) -> None:
    if status == CatStatus.SUSPENDED or (status == CatStatus.PUBLISHED and already_published):
        raise TransitionNotAllowedError(status, allowed_moves(status))


async def _owned(session: AsyncSession, developer: Principal, cat_id: uuid.UUID) -> AnyRow:
    cat = await repository.lock_cat(session, Cat.id == cat_id, Cat.developer_id == developer.user_id)
    if cat is None:
        raise CatNotFoundError
    return cat


async def existing_cat(session: AsyncSession, cat_id: uuid.UUID) -> AnyRow:
    """The cat, as it is inside the unit.

    Raises:
        CatNotFoundError
    """
    cat = await repository.find_cat(session, cat_id)
    if cat is None:
        raise CatNotFoundError
    return cat
