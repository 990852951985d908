"""Accounts over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter

from auth_service.accounts.schemas import ProfileChange, Registration, UserView
from auth_service.accounts.service import AccountService
from cathouse.identity import CurrentPlayer, public
from cathouse.web import provided

router = APIRouter(tags=["accounts"])

Accounts = Annotated[AccountService, provided("accounts")]


@router.post("/api/v1/auth/register", status_code=201, dependencies=[public], response_model=UserView)
async def register(registration: Registration, accounts: Accounts) -> Any:  # noqa: ANN401 - a row, shaped by UserView
    """Make an account. The address must not have one yet, in whatever case it is written."""
    return await accounts.register(registration)


@router.get("/api/v1/users/me", response_model=UserView)
async def read_profile(person: CurrentPlayer, accounts: Accounts) -> Any:  # noqa: ANN401 - a row, shaped by UserView
    """The caller's account."""
    return await accounts.profile(person.user_id)


@router.patch("/api/v1/users/me", response_model=UserView)
async def change_profile(person: CurrentPlayer, change: ProfileChange, accounts: Accounts) -> Any:  # noqa: ANN401 - a row, shaped by UserView
    """Change the name or the time zone; what is left out stays."""
    return await accounts.change_profile(person.user_id, change)
