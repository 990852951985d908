"""Leaving, over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from auth_service.erasures.service import ErasureService
from auth_service.from_client import FromClient
from cathouse.identity import RecentPlayer
from cathouse.web import provided

router = APIRouter(tags=["accounts"])


@router.delete("/api/v1/users/me", status_code=204)
async def erase_account(
    person: RecentPlayer, erasures: Annotated[ErasureService, provided("erasures")], client: FromClient
) -> None:
    """Leave for good. The account is closed at once; everything personal is removed from all services soon after.

    Cats that are uninstalled forget what was stored for the caller; the caller's own cats are suspended.
    """
    await erasures.request(person.user_id, client)
