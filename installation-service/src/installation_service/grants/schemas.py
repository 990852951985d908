"""Grants as requests."""

from cathouse.web import RequestModel


class Answer(RequestModel):
    """Yes or no."""

    granted: bool
