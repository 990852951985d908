"""Why there was no upgrade."""

from cathouse.errors import ServiceError


class VersionNotOfferedError(ServiceError):
    """The installation cannot go to this version: it is not the newest one, or it needs no consent."""

    code = "version_not_offered"
    status = 409
    title = "This version is not offered"

    def __init__(self, offered: str | None) -> None:
        """``offered`` is what the installation could go to instead."""
        instead = (
            f"The version that waits for consent is {offered}."
            if offered is not None
            else "No version waits for consent: what asks for no more is in effect by itself."
        )
        super().__init__(instead, offered=offered)
