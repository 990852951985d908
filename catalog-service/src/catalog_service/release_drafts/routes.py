"""Drafts of releases over HTTP; reading releases goes with the cat that they belong to."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path

from catalog_service.release_drafts.service import ReleaseDraftService
from catalog_service.releases.schemas import OwnedReleaseView, ReleaseChange, ReleaseContent
from cathouse.identity import CatalogWriter
from cathouse.web import Once, SafeText, provided, view_of

router = APIRouter(prefix="/api/v1/cats", tags=["releases"])

Drafts = Annotated[ReleaseDraftService, provided("release_drafts")]


@router.post("/{cat_id}/releases", status_code=201)
async def create_release(
    cat_id: uuid.UUID, developer: CatalogWriter, content: ReleaseContent, drafts: Drafts, once: Once
) -> OwnedReleaseView:
    """Write a new release down. `asks_for_consent` says whether players will be asked when it is published."""
    return await once.answer(
        developer.user_id, lambda: drafts.create(developer.user_id, cat_id, content), partial(view_of, OwnedReleaseView)
    )


@router.patch("/{cat_id}/releases/{version}")
async def change_release(
    cat_id: uuid.UUID,
    version: Annotated[SafeText, Path(max_length=32)],
    developer: CatalogWriter,
    change: ReleaseChange,
    drafts: Drafts,
) -> OwnedReleaseView:
    """Change a release that is not published yet; what is left out stays."""
    return view_of(OwnedReleaseView, await drafts.change(developer.user_id, cat_id, version, change))
