"""Why no token can be signed."""

from cathouse.errors import NotFoundError, ServiceError


class NoSigningKeyError(ServiceError):
    """The active key was wrapped under a JWT_SECRET that this process was not given."""

    code = "no_signing_key"
    status = 503
    title = "Tokens cannot be issued"

    def __init__(self) -> None:
        """For the operator: players only see that it does not work."""
        super().__init__(
            "The signing key was wrapped under another JWT_SECRET. The operator has to add the old value to JWT_SECRET,"
            " behind the new one, separated by a comma."
        )


class KeyNotFoundError(NotFoundError):
    """There is no living key with this id."""

    code = "signing_key_not_found"
    title = "There is no such signing key"

    def __init__(self, kid: str) -> None:
        """``kid`` is public."""
        super().__init__(f"There is no living signing key {kid}; `cathouse keys list` shows them.")
