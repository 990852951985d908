"""Why a developer is shown nothing, or cannot send an event again."""

from cathouse.errors import NotFoundError


class OwnCatNotFoundError(NotFoundError):
    """There is no such cat, or it is somebody else's."""

    title = "There is no such cat"


class EventNotFoundError(NotFoundError):
    """There is no such event, or it is of somebody else's cat."""

    title = "There is no such event"
