"""Mails as requests."""

import uuid
from typing import Annotated

from pydantic import Field, StringConstraints

from cathouse.web import RequestModel


class NotificationMail(RequestModel):
    """That a cat has told a player something: who and what about, not what it says."""

    id: uuid.UUID = Field(description="The notification's; repeated, it is one mail.")
    user_id: uuid.UUID
    instance_name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    cat: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
