"""Exports over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from auth_service.exports.service import ExportService
from auth_service.from_client import FromClient
from cathouse.identity import RecentPlayer
from cathouse.web import provided

router = APIRouter(tags=["accounts"])

_EXAMPLE: dict[str, Any] = {
    "description": "One JSON object: `user`, and a list for each kind of thing.",
    "content": {"application/json": {"schema": {"type": "object", "additionalProperties": True}}},
}


@router.get("/api/v1/users/me/export", response_class=StreamingResponse, responses={200: _EXAMPLE})
async def export_account(
    person: RecentPlayer, exports: Annotated[ExportService, provided("exports")], client: FromClient
) -> StreamingResponse:
    """Everything that is held about the caller, from all services, as a file. Secrets are named, never shown."""
    return StreamingResponse(
        await exports.begin(person.user_id, client),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="cat-house-export.json"'},
    )
