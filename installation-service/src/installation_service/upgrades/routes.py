"""Upgrades over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CurrentPlayer
from cathouse.web import provided
from installation_service.installations.schemas import InstallationView
from installation_service.installations.views import installation_view
from installation_service.upgrades.schemas import Upgrade
from installation_service.upgrades.service import UpgradeService

router = APIRouter(prefix="/api/v1/installations", tags=["installations"])

Upgrades = Annotated[UpgradeService, provided("upgrades")]


@router.post("/{installation_id}/upgrade")
async def upgrade_installation(
    installation_id: uuid.UUID,
    upgrade: Upgrade,
    player: CurrentPlayer,
    upgrades: Upgrades,
) -> InstallationView:
    """Agree to a release that asks for more, and run it from now on."""
    return installation_view(await upgrades.upgrade(player.user_id, installation_id, upgrade))
