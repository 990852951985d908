"""Cats over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Body, Path

from catalog_service.cats.schemas import CatCreation, CatView, OwnedCatView, Publication
from catalog_service.cats.service import CatService, is_owner_or_admin
from catalog_service.cats.views import cat_view
from catalog_service.releases.schemas import OwnedReleaseView, PermissionView, ReleaseView
from cathouse.identity import CurrentDeveloper, OptionalPerson
from cathouse.web import Page, SafeText, provided

router = APIRouter(prefix="/api/v1/cats", tags=["cats"])

Cats = Annotated[CatService, provided("cats")]
Reference = Annotated[SafeText, Path(description="A cat's id or slug.", max_length=80)]


@router.post("", status_code=201)
async def create_cat(developer: CurrentDeveloper, creation: CatCreation, cats: Cats) -> OwnedCatView | CatView:
    """Write down a new cat: a draft, with its first release."""
    return cat_view(await cats.create(developer, creation), developer)


@router.get("/{reference}")
async def read_cat(reference: Reference, person: OptionalPerson, cats: Cats) -> OwnedCatView | CatView:
    """One cat by id or slug; drafts and suspended ones for their owner and admins only."""
    return cat_view(await cats.find(_read_reference(reference), person), person)


@router.get("/{reference}/permissions")
async def list_permissions(reference: Reference, person: OptionalPerson, cats: Cats) -> Page[PermissionView]:
    """What the cat asks for, as of its latest release."""
    cat = await cats.find(_read_reference(reference), person)
    return Page[PermissionView](items=cat.permissions)


@router.get("/{cat_id}/releases")
async def list_releases(
    cat_id: uuid.UUID, person: OptionalPerson, cats: Cats
) -> Page[OwnedReleaseView] | Page[ReleaseView]:
    """The cat's releases, newest first; unpublished ones for its owner and admins only."""
    return await _release_page(cats, cat_id, person)


@router.get("/{cat_id}/releases/{version}")
async def read_release(
    cat_id: uuid.UUID,
    version: Annotated[SafeText, Path(max_length=32)],
    person: OptionalPerson,
    cats: Cats,
) -> OwnedReleaseView | ReleaseView:
    """One release."""
    return (await _release_page(cats, cat_id, person, version)).items[0]


@router.post("/{cat_id}/publish")
async def publish_cat(
    cat_id: uuid.UUID,
    developer: CurrentDeveloper,
    cats: Cats,
    publication: Annotated[Publication | None, Body()] = None,
) -> OwnedCatView | CatView:
    """Offer a release in the catalog. Its endpoint is challenged first and must answer."""
    version = publication.version if publication else None
    return cat_view(await cats.publish(developer, cat_id, version), developer)


@router.post("/{cat_id}/unpublish")
async def unpublish_cat(cat_id: uuid.UUID, developer: CurrentDeveloper, cats: Cats) -> OwnedCatView | CatView:
    """Take the cat out of the catalog; what is installed goes on working."""
    return cat_view(await cats.unpublish(developer, cat_id), developer)


async def _release_page(
    cats: CatService, cat_id: uuid.UUID, person: OptionalPerson, version: str | None = None
) -> Page[OwnedReleaseView] | Page[ReleaseView]:
    cat = await cats.find(cat_id, person)
    found = await cats.releases(cat_id, person, version)
    if is_owner_or_admin(cat, person):
        return Page[OwnedReleaseView](items=[OwnedReleaseView.model_validate(each) for each in found])
    return Page[ReleaseView](items=[ReleaseView.model_validate(each) for each in found])


def _read_reference(reference: str) -> uuid.UUID | str:
    try:
        return uuid.UUID(reference)
    except ValueError:
        return reference
