"""Suspensions over HTTP: for the developers of cats, and for admins."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.database import AnyRow
from cathouse.identity import CurrentAdmin, CurrentDeveloper
from cathouse.web import provided
from installation_service.developers.schemas import DeveloperInstallationView
from installation_service.developers.views import developer_view
from installation_service.installations.views import suspension_view
from installation_service.suspensions.schemas import StandingView, Suspension
from installation_service.suspensions.service import SuspensionService

router = APIRouter()

Suspensions = Annotated[SuspensionService, provided("suspensions")]

_OF_A_CAT = "/api/v1/developer/cats/{cat_id}/installations/{installation_id}"
_ANY = "/api/v1/admin/installations/{installation_id}"


@router.post(f"{_OF_A_CAT}/suspend", tags=["for developers"])
async def suspend_cat_installation(
    cat_id: uuid.UUID,
    installation_id: uuid.UUID,
    suspension: Suspension,
    developer: CurrentDeveloper,
    suspensions: Suspensions,
) -> DeveloperInstallationView:
    """Stop an installation of the caller's cat, at once; the player sees why."""
    found = await suspensions.by_developer(developer.user_id, cat_id, installation_id, reason=suspension.reason)
    return developer_view(found)


@router.post(f"{_OF_A_CAT}/reinstate", tags=["for developers"])
async def reinstate_cat_installation(
    cat_id: uuid.UUID, installation_id: uuid.UUID, developer: CurrentDeveloper, suspensions: Suspensions
) -> DeveloperInstallationView:
    """Lift the developer's suspension; an operator's stays."""
    return developer_view(await suspensions.by_developer(developer.user_id, cat_id, installation_id, reason=None))


@router.post(f"{_ANY}/suspend", tags=["for admins"])
async def suspend_installation(
    installation_id: uuid.UUID, suspension: Suspension, admin: CurrentAdmin, suspensions: Suspensions
) -> StandingView:
    """Stop any installation, at once; the player sees why."""
    found = await suspensions.by_operator(admin.user_id, installation_id, reason=suspension.reason)
    return _standing(found)


@router.post(f"{_ANY}/reinstate", tags=["for admins"])
async def reinstate_installation(
    installation_id: uuid.UUID, admin: CurrentAdmin, suspensions: Suspensions
) -> StandingView:
    """Lift the operator's suspension; the developer's stays."""
    return _standing(await suspensions.by_operator(admin.user_id, installation_id, reason=None))


def _standing(row: AnyRow) -> StandingView:
    return StandingView(installation_id=row.id, cat_id=row.cat_id, status=row.status, suspended=suspension_view(row))
