"""Verification, reset and change of address as requests and answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from auth_service.accounts.schemas import Email, Password
from cathouse.web import RequestModel

Token = Annotated[str, StringConstraints(min_length=1, max_length=200), Field(description="From the link of the mail.")]


class Accepted(BaseModel):
    """The same whether there is such an account or not: nobody learns who has one."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    message: str = "If that is possible, a mail is on its way."


class AddressRequest(RequestModel):
    """Whose mail it is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "mia@example.com"}]})

    email: Email


class VerificationRequest(RequestModel):
    """Whose address is to be verified; who is logged in may leave it out."""

    email: Email | None = None


class TokenSpending(RequestModel):
    """The token of a mail."""

    token: Token


class PasswordReset(RequestModel):
    """The token of a mail, and the password that is to hold from now on."""

    token: Token
    password: Password = Field(description="8 to 256 characters; 15 at least for a developer without a second factor.")
