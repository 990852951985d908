"""Moderation as requests."""

from typing import Annotated

from pydantic import StringConstraints

from cathouse.web import RequestModel


class Suspension(RequestModel):
    """Why a cat is stopped; its developer and the public read it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
