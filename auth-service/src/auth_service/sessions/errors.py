"""Why somebody is not logged in."""

from cathouse.errors import NotFoundError, ServiceError
from cathouse.identity import BEARER_CHALLENGE


class EmailNotVerifiedError(ServiceError):
    """The credentials are right; the address is not proved yet."""

    code = "email_not_verified"
    status = 403
    title = "The e-mail address is not confirmed"

    def __init__(
        self,
        detail: str = "Follow the link in the mail that we sent to this address."
        " For another one: POST /api/v1/auth/email/verify/resend.",
    ) -> None:
        """Say how to get another mail."""
        super().__init__(detail)


class RefreshTokenInvalidError(ServiceError):
    """The refresh token is unknown, spent, expired, or its session was ended."""

    code = "refresh_token_invalid"
    status = 401
    title = "The refresh token is not valid"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("Log in again.", headers=BEARER_CHALLENGE)


class SessionNotFoundError(NotFoundError):
    """There is no such living session of the caller."""

    code = "session_not_found"
    title = "There is no such session"

    def __init__(self) -> None:
        """Somebody else's is as good as none."""
        super().__init__("You have no session with this id; it may have ended already.")
