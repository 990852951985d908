"""Grants over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentPlayer
from cathouse.schema import PermissionType
from cathouse.web import Page, provided
from installation_service.grants.schemas import Answer
from installation_service.grants.service import GrantService
from installation_service.installations.routes import Installations
from installation_service.installations.schemas import GrantView
from installation_service.installations.views import installation_view

router = APIRouter(prefix="/api/v1/installations", tags=["grants"])

Grants = Annotated[GrantService, provided("grants")]


@router.get("/{installation_id}/permissions")
async def list_grants(
    installation_id: uuid.UUID, player: CurrentPlayer, installations: Installations
) -> Page[GrantView]:
    """What the installed release asks for, and the caller's answers."""
    found = await installations.find(player.user_id, installation_id)
    return Page[GrantView](items=installation_view(found).permissions)


@router.put("/{installation_id}/permissions/{permission_type}")
async def answer_permission(
    installation_id: uuid.UUID,
    permission_type: PermissionType,
    answer: Answer,
    player: CurrentPlayer,
    grants: Grants,
) -> GrantView:
    """Grant a permission or take it back; it holds from the cat's next call on."""
    found = await grants.answer(player.user_id, installation_id, permission_type, granted=answer.granted)
    return next(grant for grant in installation_view(found).permissions if grant.permission_type == permission_type)
