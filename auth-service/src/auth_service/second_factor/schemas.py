"""The second factor as requests and answers."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from cathouse.web import RequestModel

Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=6, max_length=32),
    Field(description="Six digits of the authenticator app, or a recovery code."),
]


class TotpSetup(BaseModel):
    """A secret for an authenticator app. It is in use once a code of it was confirmed."""

    secret: str = Field(description="Base32, for typing it in.")
    otpauth_url: str = Field(description="To be drawn as a QR code.")


class TotpConfirmation(RequestModel):
    """The code that the app shows now."""

    code: Code


class RecoveryCodes(BaseModel):
    """Good once each, for when the app is lost. They are shown here and never again."""

    recovery_codes: list[str]
