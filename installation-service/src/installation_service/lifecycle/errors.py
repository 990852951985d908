"""Why an event could not be sent again."""

from cathouse.errors import NotFoundError


class EventNotFoundError(NotFoundError):
    """There is no such event, or it is of somebody else's cat."""

    title = "There is no such event"
