"""Signing secrets as answers."""

from pydantic import BaseModel

from cathouse.web import Moment


class SigningSecretView(BaseModel):
    """What a cat checks our signatures with (Standard Webhooks)."""

    secret: str
    version: int
    previous_valid_until: Moment | None
