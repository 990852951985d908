"""Reports as requests and answers."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cathouse.schema import ReportReason, ReportState
from cathouse.web import Moment, RequestModel


class ReportCreation(RequestModel):
    """What is wrong with a cat."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "misleading", "text": "It says it knows the weather. It does not."}]}
    )

    reason: ReportReason
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)] = Field(
        description="In the reporter's words; admins read it, nobody else."
    )


class ReportView(BaseModel):
    """A report. Who made it is not shown."""

    model_config = ConfigDict(title="Report")

    id: uuid.UUID
    cat_id: uuid.UUID
    reason: ReportReason
    text: str
    state: ReportState
    created_at: Moment
