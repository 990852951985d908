"""Changes of what people log in with, as requests."""

from pydantic import Field

from auth_service.accounts.schemas import Password
from cathouse.web import RequestModel


class PasswordChange(RequestModel):
    """The present password, and the one that is to replace it."""

    current_password: Password
    password: Password = Field(description="8 to 256 characters; 15 at least for a developer without a second factor.")


class DeveloperRequest(RequestModel):
    """A new password, when the present one is too short for a developer."""

    password: Password | None = Field(None, description="15 to 256 characters; it replaces the present one.")
