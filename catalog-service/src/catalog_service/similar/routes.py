"""Similar cats over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from catalog_service.cats.references import Reference
from catalog_service.cats.views import cat_view
from catalog_service.similar.schemas import SimilarCats
from catalog_service.similar.service import SimilarService
from cathouse.identity import CatalogReader
from cathouse.web import provided, revalidated

router = APIRouter(prefix="/api/v1/cats", tags=["search"])

Similar = Annotated[SimilarService, provided("similar")]


@router.get("/{cat_id}/similar")
@revalidated
async def list_similar_cats(
    reference: Reference,
    person: CatalogReader,
    similar: Similar,
    limit: Annotated[int, Query(ge=1, le=50, description="How many.")] = 10,
) -> SimilarCats:
    """Published cats like this one, the most similar first; `basis` says what they were compared by."""
    rows, basis = await similar.find(reference, person, limit=limit)
    return SimilarCats(items=[cat_view(row, person) for row in rows], basis=basis)
