"""Changes of what people log in with, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Body

from auth_service.accounts.schemas import UserView
from auth_service.credentials.schemas import DeveloperRequest, PasswordChange
from auth_service.credentials.service import CredentialsService
from auth_service.from_client import FromClient
from cathouse.identity import RecentPlayer
from cathouse.web import provided, view_of

router = APIRouter(tags=["accounts"])

Credentials = Annotated[CredentialsService, provided("credentials")]


@router.post("/api/v1/auth/password/change", status_code=204)
async def change_password(
    person: RecentPlayer, change: PasswordChange, credentials: Credentials, client: FromClient
) -> None:
    """Replace the password. Every session ends, the present one included: log in again."""
    await credentials.change_password(person.user_id, change, client)


@router.post("/api/v1/users/me/developer")
async def become_developer(
    person: RecentPlayer,
    credentials: Credentials,
    client: FromClient,
    body: Annotated[DeveloperRequest | None, Body()] = None,
) -> UserView:
    """Become a developer. Access tokens carry the new role from the next refresh on.

    Developers need a password of 15 characters or a second factor; where the present one is shorter, send a new one. It
    ends every session.
    """
    return view_of(
        UserView, await credentials.become_developer(person.user_id, body.password if body else None, client)
    )
