"""Why a second factor is not changed, or not believed."""

from auth_service.accounts.errors import InvalidCredentialsError
from cathouse.errors import ServiceError
from cathouse.identity import BEARER_CHALLENGE


class TotpRequiredError(ServiceError):
    """The password is right; the account has a second factor as well."""

    code = "totp_required"
    status = 401
    title = "A code is wanted"

    def __init__(self) -> None:
        """RFC 9110 section 11.6.1: a 401 carries a challenge."""
        super().__init__(
            "Send the code of your authenticator app, or a recovery code, as totp_code, with the same credentials.",
            headers=BEARER_CHALLENGE,
        )


class InvalidCodeError(InvalidCredentialsError):
    """The code is not one, not of now, or was used."""

    def __init__(self) -> None:
        """Who is told this has shown the right password."""
        super().__init__("The code is wrong, too old, or was used already. Wait for the next one.")


class TotpEnabledError(ServiceError):
    """There is a second factor in use."""

    code = "totp_already_enabled"
    status = 409
    title = "There is a second factor already"

    def __init__(self) -> None:
        """Say how to get another one."""
        super().__init__("Take the present second factor off before you set up another one.")


class TotpNotEnabledError(ServiceError):
    """There is none, or none that waits to be confirmed."""

    code = "totp_not_enabled"
    status = 409
    title = "There is no second factor"

    def __init__(self) -> None:
        """Say how to get one."""
        super().__init__("Set up a second factor first: POST /api/v1/users/me/totp.")


class CodeRefusedError(ServiceError):
    """The code does not belong to the secret that was given out."""

    code = "totp_code_wrong"
    status = 422
    title = "The code is wrong"

    def __init__(self) -> None:
        """The usual reason is a clock that is wrong."""
        super().__init__("The code does not fit. Check the clock of your device, and send the code that it shows now.")


class LongPasswordRequiredError(ServiceError):
    """A developer without a second factor needs a long password."""

    code = "long_password_required"
    status = 409
    title = "The password is too short to go without a second factor"

    def __init__(self, least: int) -> None:
        """Say what to do first."""
        super().__init__(f"Change your password to one of at least {least} characters first.")


class SecretUnreadableError(ServiceError):
    """The secret was wrapped under a JWT_SECRET that is not configured any more."""

    code = "second_factor_unreadable"
    status = 503
    title = "The second factor cannot be checked"

    def __init__(self) -> None:
        """For the operator; the person has the recovery codes."""
        super().__init__("A key is missing here, and the operator has to restore it. A recovery code works meanwhile.")
