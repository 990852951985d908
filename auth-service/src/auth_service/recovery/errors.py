"""Why a mailed token does nothing."""

from cathouse.errors import ServiceError


class TokenInvalidError(ServiceError):
    """The token is unknown, was spent, was replaced by a newer one, or has expired."""

    code = "token_invalid"
    status = 400
    title = "The link is not valid any more"

    def __init__(self) -> None:
        """One answer for all: which one it was would only help who guesses."""
        super().__init__("This link was used already, was replaced by a newer one, or is too old. Ask for a new mail.")
