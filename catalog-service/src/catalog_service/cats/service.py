"""The rules of cats: who may do what with one."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.cats import repository
from catalog_service.cats.endpoints import check_endpoint
from catalog_service.cats.errors import SlugTakenError
from catalog_service.cats.ownership import (
    existing_cat,
    is_owner_or_admin,
    lock_own_cat,
    lock_own_unsuspended_cat,
    visible,
    visible_cat,
)
from catalog_service.cats.schemas import CatChange, CatCreation
from catalog_service.cats.slugs import another, slug_from
from catalog_service.embeddings.service import EmbeddingService
from catalog_service.releases import repository as releases
from catalog_service.releases.errors import ReleaseNotFoundError
from catalog_service.search_index import repository as search_index
from cathouse.database import AnyRow, BatchLoader, Database, record_event
from cathouse.identity import Keyring, Principal
from cathouse.web import OutsideUrlRules


class CatService:
    """Makes cats, shows them, and lets their developers change them."""

    def __init__(
        self,
        database: Database,
        embeddings: EmbeddingService,
        signing_keys: Keyring,
        outside_urls: OutsideUrlRules,
    ) -> None:
        self._database = database
        self._embeddings = embeddings
        self._signing_keys = signing_keys
        self._outside_urls = outside_urls
        self._cats: BatchLoader[uuid.UUID, AnyRow] = BatchLoader(self._load)

    async def create(self, developer_id: uuid.UUID, creation: CatCreation) -> AnyRow:
        """Make a draft with its first release.

        Raises:
            EndpointNotAllowedError, SlugTakenError: nothing was made.
        """
        check_endpoint(self._outside_urls, creation.endpoint_url)
        signing_root, _ = self._signing_keys.current

        async def create(session: AsyncSession) -> AnyRow:
            slug = creation.slug or slug_from(creation.name)
            try:
                cat_id = await repository.add_cat(session, developer_id, creation, slug=slug, signing_root=signing_root)
            except SlugTakenError:
                if creation.slug is not None:
                    raise
                cat_id = await repository.add_cat(
                    session, developer_id, creation, slug=another(slug), signing_root=signing_root
                )
            await releases.add_release(session, cat_id, creation, consent_epoch=releases.FIRST_EPOCH)
            await search_index.refresh(session, cat_id)
            await record_event(session, "cat.created", actor_id=developer_id, subject={"cat_id": cat_id})
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
        return visible(cat, person)

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
            cat = await visible_cat(session, cat_id, person)
            published_only = not is_owner_or_admin(cat, person)
            return cat, await releases.list_releases(session, cat_id, published_only=published_only, version=version)

        cat, found = await self._database.read(read)
        if version is not None and not found:
            raise ReleaseNotFoundError
        return cat, found

    async def change(self, developer_id: uuid.UUID, cat_id: uuid.UUID, change: CatChange) -> AnyRow:
        """Change what may change at any time; what is not sent stays.

        Raises:
            CatNotFoundError: nothing was changed.
        """
        sent = change.model_dump(exclude_unset=True)

        async def apply(session: AsyncSession) -> AnyRow:
            await lock_own_cat(session, cat_id, developer_id)
            if sent:
                await repository.change_cat(session, cat_id, sent)
                await search_index.refresh(session, cat_id)
                detail = {"changed": sorted(sent)}
                await record_event(
                    session, "cat.changed", actor_id=developer_id, subject={"cat_id": cat_id}, detail=detail
                )
            return await existing_cat(session, cat_id)

        changed = await self._database.write(apply)
        self._embeddings.wake()
        return changed

    async def deprecate(self, developer_id: uuid.UUID, cat_id: uuid.UUID, message: str | None) -> AnyRow:
        """Tell players that the cat is not looked after any more, and why; None takes that back.

        Raises:
            CatNotFoundError, TransitionNotAllowedError: nothing was changed.
        """

        async def apply(session: AsyncSession) -> AnyRow:
            await lock_own_unsuspended_cat(session, cat_id, developer_id)
            await repository.change_cat(session, cat_id, {"deprecation": message})
            action = "cat.undeprecated" if message is None else "cat.deprecated"
            await record_event(session, action, actor_id=developer_id, subject={"cat_id": cat_id})
            return await existing_cat(session, cat_id)

        return await self._database.write(apply)

    async def delete(self, developer_id: uuid.UUID, cat_id: uuid.UUID) -> None:
        """Remove a cat that nobody ever installed, with everything that belongs to it.

        Raises:
            CatNotFoundError, CatInUseError, TransitionNotAllowedError: nothing was removed.
        """

        async def remove(session: AsyncSession) -> None:
            await lock_own_unsuspended_cat(session, cat_id, developer_id)
            await search_index.forget(session, cat_id)
            await repository.delete_cat(session, cat_id)
            await record_event(session, "cat.deleted", actor_id=developer_id, subject={"cat_id": cat_id})

        await self._database.write(remove)
