"""Accounts over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from auth_service.accounts.schemas import ProfileChange, UserView
from auth_service.accounts.service import AccountService
from cathouse.identity import CurrentPlayer
from cathouse.web import direct, provided, view_of

router = APIRouter(tags=["accounts"])

Accounts = Annotated[AccountService, provided("accounts")]


@router.get("/api/v1/users/me")
@direct
async def read_profile(person: CurrentPlayer, accounts: Accounts) -> UserView:
    """The caller's account."""
    return view_of(UserView, await accounts.profile(person.user_id))


@router.patch("/api/v1/users/me")
async def change_profile(person: CurrentPlayer, change: ProfileChange, accounts: Accounts) -> UserView:
    """Change the name or the time zone; what is left out stays."""
    return view_of(UserView, await accounts.change_profile(person.user_id, change))
