"""Why an API key is not made, or not believed."""

from cathouse.errors import NotFoundError, ServiceError
from cathouse.identity import BEARER_CHALLENGE


class ApiKeyInvalidError(ServiceError):
    """The key is unknown, expired, or its owner is no developer any more."""

    code = "api_key_invalid"
    status = 401
    title = "The API key is not valid"

    def __init__(self) -> None:
        """One answer for all."""
        super().__init__("The key is unknown, was removed, or has expired.", headers=BEARER_CHALLENGE)


class ApiKeyNotFoundError(NotFoundError):
    """There is no such key of the caller."""

    code = "api_key_not_found"
    title = "There is no such API key"

    def __init__(self) -> None:
        """Somebody else's is as good as none."""
        super().__init__("You have no API key with this id.")


class TooManyApiKeysError(ServiceError):
    """A person has as many as one may have."""

    code = "too_many_api_keys"
    status = 409
    title = "There are too many API keys"

    def __init__(self, most: int) -> None:
        """Say what to do."""
        super().__init__(f"You have {most} API keys, the most that one may have. Remove one that is not used.")
