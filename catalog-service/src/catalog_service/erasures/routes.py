"""Erasures over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from catalog_service.erasures.schemas import ErasureRequest
from catalog_service.erasures.service import ErasureService
from cathouse.identity import called_by
from cathouse.web import provided

router = APIRouter(tags=["internal"])

Erasures = Annotated[ErasureService, provided("erasures")]


@router.post(
    "/internal/v1/erasures", status_code=204, dependencies=[called_by("auth")], operation_id="erase_person_of_catalog"
)
async def erase_person(request: ErasureRequest, erasures: Erasures) -> None:
    """Forget a person here. The answer means that nothing is left; repeating the call is no error."""
    await erasures.erase(request.user_id)
