"""Publications over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Body

from catalog_service.cats.schemas import OwnedCatView
from catalog_service.cats.views import owned_cat_view
from catalog_service.publications.schemas import Publication
from catalog_service.publications.service import PublicationService
from cathouse.identity import CatalogWriter
from cathouse.web import provided

router = APIRouter(prefix="/api/v1/cats/{cat_id}", tags=["cats"])

Publications = Annotated[PublicationService, provided("publications")]


@router.post("/publish")
async def publish_cat(
    cat_id: uuid.UUID,
    developer: CatalogWriter,
    publications: Publications,
    publication: Annotated[Publication | None, Body()] = None,
) -> OwnedCatView:
    """Offer a release in the catalog. Its endpoint is challenged first and must answer."""
    version = publication.version if publication else None
    return owned_cat_view(await publications.publish(developer.user_id, cat_id, version))


@router.post("/unpublish")
async def unpublish_cat(cat_id: uuid.UUID, developer: CatalogWriter, publications: Publications) -> OwnedCatView:
    """Take the cat out of the catalog; what is installed goes on working."""
    return owned_cat_view(await publications.unpublish(developer.user_id, cat_id))
