"""Why an account could not be made, changed, or used."""

from cathouse.errors import ServiceError
from cathouse.identity import BEARER_CHALLENGE, InvalidTokenError
from cathouse.schema import Role


class EmailTakenError(ServiceError):
    """Somebody has this address already."""

    code = "email_taken"
    status = 409
    title = "There is an account with this address"

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("An account with this e-mail address exists. Log in, or reset its password.")


class PasswordTooWeakError(ServiceError):
    """The password breaks a rule; the rules are NIST SP 800-63B-4's: length, and not a common one."""

    code = "password_too_weak"
    status = 422
    title = "The password is not strong enough"


class LongerPasswordNeededError(PasswordTooWeakError):
    """It would do for a player."""

    def __init__(self, role: Role, least: int) -> None:
        """``least`` is the number of characters that ``role`` needs."""
        super().__init__(f"The role {role} needs a password of at least {least} characters, or a second factor.")


class HashingBusyError(ServiceError):
    """More people log in at once than passwords can be hashed."""

    code = "hashing_busy"
    status = 503
    title = "Too many log-ins at once"

    def __init__(self) -> None:
        """A hash takes some ten milliseconds, so the queue is short again soon."""
        super().__init__("Too many people are logging in at this moment. Try again.", retry_after_s=1)


class InvalidCredentialsError(ServiceError):
    """Unknown, wrong, deactivated, without a password: one answer for all, so that nobody learns who has an account."""

    code = "invalid_credentials"
    status = 401
    title = "E-mail or password is wrong"

    def __init__(self, detail: str = "The e-mail address or the password is wrong.") -> None:
        """RFC 9110 section 11.6.1: a 401 carries a challenge."""
        super().__init__(detail, headers=BEARER_CHALLENGE)


class AccountGoneError(InvalidTokenError):
    """The token is good, its account is not there any more: like any token that is of no use any more."""

    def __init__(self) -> None:
        """The same code as its parent's."""
        super().__init__("This account was closed.")
