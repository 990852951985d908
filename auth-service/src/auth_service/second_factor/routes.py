"""Second factors over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from auth_service.from_client import FromClient
from auth_service.second_factor.schemas import RecoveryCodes, TotpConfirmation, TotpSetup
from auth_service.second_factor.service import SecondFactorService
from cathouse.identity import RecentPlayer
from cathouse.web import provided

router = APIRouter(prefix="/api/v1/users/me/totp", tags=["second factor"])

SecondFactors = Annotated[SecondFactorService, provided("second_factors")]


@router.post("")
async def set_up_totp(person: RecentPlayer, second_factors: SecondFactors) -> TotpSetup:
    """Get a secret for an authenticator app. It is asked for at the log-in once a code of it was confirmed."""
    return await second_factors.begin(person.user_id)


@router.post("/confirm")
async def confirm_totp(
    person: RecentPlayer, confirmation: TotpConfirmation, second_factors: SecondFactors, client: FromClient
) -> RecoveryCodes:
    """Put the second factor to use with a code of the app. The recovery codes are shown this once."""
    return await second_factors.confirm(person.user_id, confirmation.code, client)


@router.post("/recovery-codes")
async def renew_recovery_codes(
    person: RecentPlayer, second_factors: SecondFactors, client: FromClient
) -> RecoveryCodes:
    """Get new recovery codes; the old ones are void."""
    return await second_factors.renew_recovery_codes(person.user_id, client)


@router.delete("", status_code=204)
async def remove_totp(person: RecentPlayer, second_factors: SecondFactors, client: FromClient) -> None:
    """Go without a second factor again. A developer needs a password of 15 characters for that."""
    await second_factors.remove(person.user_id, client)
