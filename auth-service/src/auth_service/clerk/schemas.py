"""Clerk's token as a request."""

from typing import Annotated

from pydantic import Field, StringConstraints

from auth_service.second_factor.schemas import Code
from cathouse.web import RequestModel


class ClerkExchange(RequestModel):
    """A Clerk session token."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    totp_code: Code | None = Field(
        None, description="For an account with a second factor of ours, unless Clerk has checked one of its own."
    )
