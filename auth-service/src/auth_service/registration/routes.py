"""Registration over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response

from auth_service.accounts.schemas import UserView
from auth_service.from_client import FromClient
from auth_service.recovery.schemas import Accepted
from auth_service.registration.schemas import Registration
from auth_service.registration.service import RegistrationService
from cathouse.identity import public
from cathouse.web import limited_by_address, provided, view_of

router = APIRouter(tags=["accounts"])

Registrations = Annotated[RegistrationService, provided("registrations")]


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
    registration: Registration, registrations: Registrations, client: FromClient, response: Response
) -> UserView | Accepted:
    """Make an account. The address must not have one yet, in whatever case it is written.

    Where addresses are verified, the answer is 202 whether it has one or not, and a mail follows.
    """
    made = await registrations.register(registration, client)
    if made is None:
        response.status_code = 202
        return Accepted()
    return view_of(UserView, made)
