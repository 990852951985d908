"""Why Clerk's token does not log anybody in."""

from collections.abc import Sequence

from cathouse.errors import ServiceError
from cathouse.identity import BEARER_CHALLENGE


class ClerkNotConfiguredError(ServiceError):
    """This Cat House knows no Clerk."""

    code = "clerk_not_configured"
    status = 503
    title = "Signing in through Clerk is not set up here"

    def __init__(self) -> None:
        """For the operator."""
        super().__init__("CLERK_ISSUER is not set here. Log in with e-mail and password, or ask the operator.")


class ClerkTokenInvalidError(ServiceError):
    """The token is not one of this Clerk's, is for somebody else, or has ended."""

    code = "clerk_token_invalid"
    status = 401
    title = "The Clerk token is not valid"

    def __init__(self) -> None:
        """Clerk's tokens live a minute: the usual reason is that this one is older."""
        super().__init__(
            "The token is not a living session token of the Clerk that is set up here. Get a fresh one.",
            headers=BEARER_CHALLENGE,
        )


class ClerkClaimsMissingError(ServiceError):
    """The token says too little; Clerk's default session token carries no e-mail address.

    What cannot be an e-mail address counts as none: a fresh token would say the same.
    """

    code = "clerk_claims_missing"
    status = 422
    title = "The Clerk token lacks claims"

    def __init__(self, missing: Sequence[str]) -> None:
        """``missing`` are the names of the claims."""
        super().__init__(
            f"The token lacks {' and '.join(missing)}. In Clerk's dashboard, customise the session token:"
            ' {"email": "{{user.primary_email_address}}", "email_verified": "{{user.email_verified}}",'
            ' "name": "{{user.full_name}}"}.',
            missing=list(missing),
        )
