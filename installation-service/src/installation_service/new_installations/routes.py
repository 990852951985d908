"""Installing cats over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentPlayer
from cathouse.web import Once, provided
from installation_service.installations.schemas import InstallationView
from installation_service.installations.views import installation_view
from installation_service.new_installations.schemas import InstallationCreation
from installation_service.new_installations.service import NewInstallationService

router = APIRouter(prefix="/api/v1/installations", tags=["installations"])

NewInstallations = Annotated[NewInstallationService, provided("new_installations")]


@router.post("", status_code=201)
async def install_cat(
    player: CurrentPlayer, creation: InstallationCreation, new_installations: NewInstallations, once: Once
) -> InstallationView:
    """Install a cat under a name, answering each permission that it asks for."""
    return await once.answer(player.user_id, lambda: new_installations.install(player, creation), installation_view)
