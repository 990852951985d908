"""Installations over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import CallingCat, CurrentPlayer
from cathouse.schema import InstallationStatus
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, provided
from installation_service.installations.schemas import (
    CatsInstallationView,
    InstallationChange,
    InstallationView,
)
from installation_service.installations.service import InstallationService
from installation_service.installations.views import cats_installation_view, installation_view

router = APIRouter(prefix="/api/v1/installations", tags=["installations"])

for_cats = APIRouter(prefix="/api/v1/cat/installation", tags=["installation (for cats)"])

Installations = Annotated[InstallationService, provided("installations")]


@router.get("")
async def list_installations(
    player: CurrentPlayer,
    installations: Installations,
    status: InstallationStatus | None = None,
    cat_id: uuid.UUID | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[InstallationView]:
    """The caller's installations, newest first."""
    keyset = Keyset.read(
        cursor, limit=limit, filters={"status": status, "cat_id": cat_id}, types=(dt.datetime, uuid.UUID)
    )
    rows, next_cursor = await installations.list(player.user_id, status=status, cat_id=cat_id, keyset=keyset)
    return Page[InstallationView](items=[installation_view(row) for row in rows], next_cursor=next_cursor)


@router.get("/{installation_id}")
async def read_installation(
    installation_id: uuid.UUID, player: CurrentPlayer, installations: Installations
) -> InstallationView:
    """One of the caller's installations."""
    return installation_view(await installations.find(player.user_id, installation_id))


@router.patch("/{installation_id}")
async def change_installation(
    installation_id: uuid.UUID, change: InstallationChange, player: CurrentPlayer, installations: Installations
) -> InstallationView:
    """Give an installation another name or config."""
    return installation_view(await installations.change(player.user_id, installation_id, change))


@router.post("/{installation_id}/pause")
async def pause_installation(
    installation_id: uuid.UUID, player: CurrentPlayer, installations: Installations
) -> InstallationView:
    """Stop talking to the cat for now."""
    return installation_view(await installations.pause(player.user_id, installation_id))


@router.post("/{installation_id}/resume")
async def resume_installation(
    installation_id: uuid.UUID, player: CurrentPlayer, installations: Installations
) -> InstallationView:
    """Go on; the cat must have the permissions and the secrets that it requires."""
    return installation_view(await installations.resume(player.user_id, installation_id))


@router.delete("/{installation_id}", status_code=204)
async def uninstall_cat(installation_id: uuid.UUID, player: CurrentPlayer, installations: Installations) -> None:
    """Uninstall for good. Installing the cat again begins anew."""
    await installations.uninstall(player.user_id, installation_id)


@for_cats.get("")
async def read_own_installation(cat: CallingCat, installations: Installations) -> CatsInstallationView:
    """The installation that the token is for, as it is now."""
    return cats_installation_view(await installations.find_for_cat(cat))
