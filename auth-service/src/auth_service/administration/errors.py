"""Why an account was not changed."""

from cathouse.errors import NotFoundError, ServiceError
from cathouse.schema import LONG_PASSWORD


class UserNotFoundError(NotFoundError):
    """There is no account with this id."""

    code = "user_not_found"
    title = "There is no such account"

    def __init__(self) -> None:
        """Nothing more is known."""
        super().__init__("There is no account with this id.")


class LastAdminError(ServiceError):
    """Without any admin nobody could make one again."""

    code = "last_admin"
    status = 409
    title = "This is the last admin"

    def __init__(self) -> None:
        """Say what to do first."""
        super().__init__("This account is the last active admin. Make another one first.")


class AccountErasedError(ServiceError):
    """The person has left for good."""

    code = "account_erased"
    status = 409
    title = "The account was erased"

    def __init__(self) -> None:
        """It cannot be brought back."""
        super().__init__("This person has left, and was forgotten. The account cannot be changed any more.")


class StrongerLoginRequiredError(ServiceError):
    """Developers and admins need a long password or a second factor; this person has neither."""

    code = "stronger_login_required"
    status = 409
    title = "The account is not well enough protected for this role"

    def __init__(self) -> None:
        """Say what the person has to do first."""
        super().__init__(
            f"This person first needs a password of at least {LONG_PASSWORD} characters, or a second factor."
        )
