"""Why a player cannot talk to a cat."""

from cathouse.errors import NotFoundError, ServiceError


class InstallationNotFoundError(NotFoundError):
    """There is no such installation, or it is somebody else's."""

    title = "There is no such installation"


class InstallationPausedError(ServiceError):
    """The player paused it."""

    code = "installation_paused"
    status = 409
    title = "The installation is paused"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("The installation is paused. Resume it to talk to the cat.")


class InstallationUninstalledError(ServiceError):
    """The player uninstalled it."""

    code = "installation_uninstalled"
    status = 410
    title = "The installation is gone"

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("The cat was uninstalled. Install it again to talk to it.")


class CatSuspendedError(ServiceError):
    """An admin stopped the cat."""

    code = "cat_suspended"
    status = 423
    title = "The cat is suspended"

    def __init__(self) -> None:
        """The reason is in the catalog."""
        super().__init__("The cat was suspended by Cat House and cannot be reached.")


class InstallationSuspendedError(ServiceError):
    """The cat's developer, or an operator, stopped this installation."""

    code = "installation_suspended"
    status = 423
    title = "The installation is suspended"

    def __init__(self) -> None:
        """Who and why is shown with the installation."""
        super().__init__("This installation is suspended. Its details say by whom and why.")


class CatWithoutReleaseError(ServiceError):
    """The cat has no release that this player has consented to."""

    code = "no_release"
    status = 409
    title = "The cat has no release for this installation"

    def __init__(self) -> None:
        """Cannot happen by the calls of the API; somebody edited the database."""
        super().__init__("There is no published release that this installation could run.")
