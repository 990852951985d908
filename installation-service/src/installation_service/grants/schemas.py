"""Grants as requests."""

from cathouse.web import Flag, RequestModel


class Answer(RequestModel):
    """Yes or no."""

    granted: Flag
