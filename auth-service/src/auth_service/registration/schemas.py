"""A registration as a request."""

from typing import Literal

from pydantic import ConfigDict, Field

from auth_service.accounts.schemas import DisplayName, Email, Password
from cathouse.schema import Role
from cathouse.web import RequestModel


class Registration(RequestModel):
    """A new account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "mia@example.com",
                    "password": "correct horse battery",
                    "display_name": "Mia",
                    "role": "player",
                }
            ]
        }
    )

    email: Email
    password: Password = Field(description="8 to 256 characters; 15 at least for a developer without a second factor.")
    display_name: DisplayName
    role: Literal[Role.PLAYER, Role.DEVELOPER] = Role.PLAYER
