"""Verification, reset and change of address over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Body

from auth_service.from_client import FromClient
from auth_service.recovery.schemas import Accepted, AddressRequest, PasswordReset, TokenSpending, VerificationRequest
from auth_service.recovery.service import RecoveryService
from cathouse.identity import AuthenticationRequiredError, OptionalPerson, RecentPlayer, public
from cathouse.web import limited_by_address, provided

router = APIRouter(prefix="/api/v1/auth", tags=["recovery"])

Recovery = Annotated[RecoveryService, provided("recovery")]


@router.post("/password/forgot", status_code=202, dependencies=[public, limited_by_address("mails")])
async def forgot_password(body: AddressRequest, recovery: Recovery) -> Accepted:
    """Ask for a mail with a link to choose a new password. The answer is the same whether there is an account."""
    await recovery.forgot(body.email)
    return Accepted()


@router.post("/password/reset", status_code=204, dependencies=[public, limited_by_address("logins")])
async def reset_password(body: PasswordReset, recovery: Recovery, client: FromClient) -> None:
    """Choose a new password with the token of a mail. Every session ends; a second factor stays."""
    await recovery.reset(body.token, body.password, client)


@router.post("/email/verify", status_code=204, dependencies=[public, limited_by_address("logins")])
async def verify_email(body: TokenSpending, recovery: Recovery, client: FromClient) -> None:
    """Spend the token of a mail: it verifies the address, or changes to the one that it was sent to."""
    await recovery.verify(body.token, client)


@router.post("/email/verify/resend", status_code=202, dependencies=[limited_by_address("mails")])
async def resend_verification(
    person: OptionalPerson, recovery: Recovery, body: Annotated[VerificationRequest | None, Body()] = None
) -> Accepted:
    """Ask for the mail again: for the caller, or for an address by who cannot log in before it is verified."""
    email = body.email if body else None
    if email is None and person is None:
        raise AuthenticationRequiredError('Log in, or send the address: {"email": …}')
    if email is not None:
        await recovery.send_verification(email=email)
    elif person is not None:
        await recovery.send_verification(user_id=person.user_id)
    return Accepted()


@router.post("/email/change", status_code=202, dependencies=[limited_by_address("mails")])
async def change_email(person: RecentPlayer, body: AddressRequest, recovery: Recovery, client: FromClient) -> Accepted:
    """Ask for another address: it becomes the account's when the token of the mail to it is spent."""
    await recovery.request_email_change(person.user_id, body.email, client)
    return Accepted()
