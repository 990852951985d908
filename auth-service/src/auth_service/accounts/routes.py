"""Accounts over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from auth_service.accounts.schemas import DeveloperRequest, PasswordChange, ProfileChange, Registration, UserView
from auth_service.accounts.service import AccountService
from auth_service.recovery.schemas import Accepted
from auth_service.requests import FromClient
from cathouse.identity import CurrentPlayer, RecentPlayer, public
from cathouse.web import direct, limited_by_address, provided

router = APIRouter(tags=["accounts"])

Accounts = Annotated[AccountService, provided("accounts")]


@router.post(
    "/api/v1/auth/register",
    status_code=201,
    dependencies=[public, limited_by_address("mails")],
    responses={
        201: {"model": UserView},
        202: {"model": Accepted, "description": "Where addresses are verified: whether it is taken, a mail tells."},
    },
)
async def register(
    registration: Registration, accounts: Accounts, client: FromClient, response: Response
) -> UserView | Accepted:
    """Make an account. The address must not have one yet, in whatever case it is written.

    Where addresses are verified, the answer is 202 whether it has one or not, and a mail follows.
    """
    made = await accounts.register(registration, client)
    if made is None:
        response.status_code = 202
        return Accepted()
    return UserView.model_validate(made)


@router.get("/api/v1/users/me", response_model=UserView)
@direct
async def read_profile(person: CurrentPlayer, accounts: Accounts) -> Any:  # noqa: ANN401 - a row, shaped by UserView
    """The caller's account."""
    return await accounts.profile(person.user_id)


@router.patch("/api/v1/users/me", response_model=UserView)
async def change_profile(person: CurrentPlayer, change: ProfileChange, accounts: Accounts) -> Any:  # noqa: ANN401 - a row, shaped by UserView
    """Change the name or the time zone; what is left out stays."""
    return await accounts.change_profile(person.user_id, change)


@router.post("/api/v1/auth/password/change", status_code=204)
async def change_password(person: RecentPlayer, change: PasswordChange, accounts: Accounts, client: FromClient) -> None:
    """Replace the password. Every session ends, the present one included: log in again."""
    await accounts.change_password(person.user_id, change, client)


@router.post("/api/v1/users/me/developer", response_model=UserView)
async def become_developer(
    person: RecentPlayer,
    accounts: Accounts,
    client: FromClient,
    body: Annotated[DeveloperRequest | None, Body()] = None,
) -> Any:  # noqa: ANN401 - a row, shaped by UserView
    """Become a developer. Access tokens carry the new role from the next refresh on.

    Developers need a password of 15 characters or a second factor; where the present one is shorter, send a new one. It
    ends every session.
    """
    return await accounts.become_developer(person.user_id, body.password if body else None, client)
