"""Players' secrets over HTTP: they go in, and never come out."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Path

from cathouse.identity import CurrentPlayer
from cathouse.web import Page, SafeText, provided
from installation_service.installations.routes import Installations
from installation_service.installations.schemas import SecretState
from installation_service.installations.views import installation_view
from installation_service.secrets.schemas import SecretChange
from installation_service.secrets.service import SecretService

router = APIRouter(prefix="/api/v1/installations/{installation_id}/secrets", tags=["secrets"])

Secrets = Annotated[SecretService, provided("secrets")]
Name = Annotated[SafeText, Path(max_length=64)]


@router.get("")
async def list_secrets(
    installation_id: uuid.UUID, player: CurrentPlayer, installations: Installations
) -> Page[SecretState]:
    """What the installed release asks for, and whether it was given; never the values."""
    found = await installations.find(player.user_id, installation_id)
    return Page[SecretState](items=installation_view(found).secrets)


@router.put("/{name}")
async def keep_secret(
    installation_id: uuid.UUID, name: Name, change: SecretChange, player: CurrentPlayer, secrets: Secrets
) -> SecretState:
    """Give or replace a credential. proxy-service sends it to the declared host in the declared header, nobody else."""
    found = await secrets.keep(player.user_id, installation_id, name, change.value)
    return next(secret for secret in installation_view(found).secrets if secret.name == name)


@router.delete("/{name}", status_code=204)
async def remove_secret(installation_id: uuid.UUID, name: Name, player: CurrentPlayer, secrets: Secrets) -> None:
    """Take a credential back."""
    await secrets.remove(player.user_id, installation_id, name)
