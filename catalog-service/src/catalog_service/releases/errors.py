"""Why a release was not taken."""

from collections.abc import Sequence

from cathouse.errors import NotFoundError, ServiceError


class VersionNotHigherError(ServiceError):
    """A published release is as new, or newer."""

    code = "version_not_higher"
    status = 409
    title = "The version is not higher than what is published"

    def __init__(self, version: str, highest: str) -> None:
        """``highest`` is the newest published version."""
        super().__init__(
            f"{version} is not higher than {highest}, which is published. Choose a higher version.", highest=highest
        )


class VersionTakenError(ServiceError):
    """The cat has an unpublished release of this version."""

    code = "version_taken"
    status = 409
    title = "There is a release of this version"

    def __init__(self, version: str) -> None:
        """Say what to do instead."""
        super().__init__(
            f"There is an unpublished release {version} already. Change that one, or choose another version."
        )


class ReleaseImmutableError(ServiceError):
    """What is published stays as it is: players agreed to it."""

    code = "release_immutable"
    status = 409
    title = "A published release cannot be changed"

    def __init__(self, version: str) -> None:
        """Say what to do instead."""
        super().__init__(f"{version} is published, and players agreed to it as it is. Make a new release.")


class ReleaseInvalidError(ServiceError):
    """With the change the release would not fit together."""

    code = "validation_failed"
    status = 422
    title = "The request is not valid"

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        """``errors`` are located, and say nothing of the values."""
        super().__init__("The release would not fit together; see errors.", errors=list(errors))


class ReleaseNotFoundError(NotFoundError):
    """The cat has no such version."""

    title = "There is no such release"
