"""Cats over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path

from catalog_service.cats.ownership import is_owner_or_admin
from catalog_service.cats.references import Reference
from catalog_service.cats.schemas import CatChange, CatCreation, CatView, Deprecation, OwnedCatView
from catalog_service.cats.service import CatService
from catalog_service.cats.views import cat_view, owned_cat_view
from catalog_service.releases.schemas import OwnedReleaseView, PermissionView, ReleaseView
from cathouse.identity import CatalogReader, CatalogWriter
from cathouse.web import Once, Page, SafeText, direct, provided, revalidated, view_of

router = APIRouter(prefix="/api/v1/cats", tags=["cats"])

Cats = Annotated[CatService, provided("cats")]


@router.post("", status_code=201)
async def create_cat(developer: CatalogWriter, creation: CatCreation, cats: Cats, once: Once) -> OwnedCatView:
    """Write down a new cat: a draft, with its first release."""
    return await once.answer(developer.user_id, lambda: cats.create(developer.user_id, creation), owned_cat_view)


@router.get("/{cat_id}")
@direct
@revalidated
async def read_cat(reference: Reference, person: CatalogReader, cats: Cats) -> OwnedCatView | CatView:
    """One cat by id or slug; drafts and suspended ones for their owner and admins only."""
    return cat_view(await cats.find(reference, person), person)


@router.get("/{cat_id}/permissions")
@revalidated
async def list_permissions(reference: Reference, person: CatalogReader, cats: Cats) -> Page[PermissionView]:
    """What the cat asks for, as of its latest release."""
    cat = await cats.find(reference, person)
    return Page[PermissionView](items=cat.permissions)


@router.get("/{cat_id}/releases")
@revalidated
async def list_releases(
    cat_id: uuid.UUID, person: CatalogReader, cats: Cats
) -> Page[OwnedReleaseView] | Page[ReleaseView]:
    """The cat's releases, newest first; unpublished ones for its owner and admins only."""
    return await _release_page(cats, cat_id, person)


@router.get("/{cat_id}/releases/{version}")
@revalidated
async def read_release(
    cat_id: uuid.UUID,
    version: Annotated[SafeText, Path(max_length=32)],
    person: CatalogReader,
    cats: Cats,
) -> OwnedReleaseView | ReleaseView:
    """One release."""
    return (await _release_page(cats, cat_id, person, version)).items[0]


@router.patch("/{cat_id}")
async def change_cat(cat_id: uuid.UUID, developer: CatalogWriter, change: CatChange, cats: Cats) -> OwnedCatView:
    """Change the name, the description, the tags or the links. What a cat asks for belongs to its releases."""
    return owned_cat_view(await cats.change(developer.user_id, cat_id, change))


@router.delete("/{cat_id}", status_code=204)
async def delete_cat(cat_id: uuid.UUID, developer: CatalogWriter, cats: Cats) -> None:
    """Remove a cat that was never installed, by its owner neither."""
    await cats.delete(developer.user_id, cat_id)


@router.post("/{cat_id}/deprecate")
async def deprecate_cat(
    cat_id: uuid.UUID, developer: CatalogWriter, deprecation: Deprecation, cats: Cats
) -> OwnedCatView:
    """Say that nobody should begin with the cat any more; who has it goes on. Null takes it back."""
    return owned_cat_view(await cats.deprecate(developer.user_id, cat_id, deprecation.message))


async def _release_page(
    cats: CatService, cat_id: uuid.UUID, person: CatalogReader, version: str | None = None
) -> Page[OwnedReleaseView] | Page[ReleaseView]:
    cat, found = await cats.releases(cat_id, person, version)
    if is_owner_or_admin(cat, person):
        return Page[OwnedReleaseView](items=[view_of(OwnedReleaseView, each) for each in found])
    return Page[ReleaseView](items=[view_of(ReleaseView, each) for each in found])
