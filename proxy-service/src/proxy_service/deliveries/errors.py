"""Why nothing was delivered."""

from cathouse.errors import NotFoundError, ServiceError


class ReleaseNotFoundError(NotFoundError):
    """There is no such release."""

    title = "There is no such release"


class SigningRootRetiredError(ServiceError):
    """The root under which the cat's secret was derived is not configured any more."""

    code = "signing_root_retired"
    status = 503
    title = "Messages to this cat cannot be signed"

    def __init__(self) -> None:
        """For the operator."""
        super().__init__(
            "The platform secret that this cat's secret came from was taken away. The operator has to restore it."
        )
