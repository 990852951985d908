"""Why somebody is not logged in."""

from cathouse.errors import ServiceError


class InvalidCredentialsError(ServiceError):
    """Unknown, wrong, deactivated, without a password: one answer for all, so that nobody learns who has an account."""

    code = "invalid_credentials"
    status = 401
    title = "E-mail or password is wrong"

    def __init__(self) -> None:
        """RFC 9110 section 11.6.1: a 401 carries a challenge."""
        super().__init__(
            "The e-mail address or the password is wrong.", headers={"WWW-Authenticate": 'Bearer realm="cathouse"'}
        )


class RefreshTokenInvalidError(ServiceError):
    """The refresh token is unknown, spent, expired, or its session was ended."""

    code = "refresh_token_invalid"
    status = 401
    title = "The refresh token is not valid"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("Log in again.", headers={"WWW-Authenticate": 'Bearer realm="cathouse"'})
