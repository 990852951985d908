"""Why a cat's secret cannot be shown."""

from cathouse.errors import ServiceError


class SigningRootRetiredError(ServiceError):
    """The root under which the cat's secret was derived is not configured any more."""

    code = "signing_root_retired"
    status = 503
    title = "The cat's signing secret cannot be derived"

    def __init__(self) -> None:
        """For the operator."""
        super().__init__(
            "The platform secret that this cat's secret came from was taken away. Its operator has to restore it."
        )
