"""Moderation as requests and answers."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from cathouse.schema import DEVELOPER_GONE, ModerationAction
from cathouse.web import Moment, RequestModel


def _free_to_use(reason: str) -> str:
    if reason == DEVELOPER_GONE:
        raise ValueError("this reason is kept for cats whose developer was erased, since nobody lifts it again")
    return reason


class Suspension(RequestModel):
    """Why a cat is stopped; its developer and the public read it."""

    model_config = ConfigDict(
        title="CatSuspension", json_schema_extra={"examples": [{"reason": "It sells umbrellas."}]}
    )

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
        AfterValidator(_free_to_use),
    ]


class ModeratedCatView(BaseModel):
    """The cat that an entry is about."""

    model_config = ConfigDict(title="ModeratedCat")

    id: uuid.UUID
    slug: str
    name: str


class ModerationEntryView(BaseModel):
    """What an admin did with a cat. Which admin is not shown."""

    model_config = ConfigDict(title="ModerationEntry")

    id: uuid.UUID
    cat: ModeratedCatView
    action: ModerationAction
    reason: str | None = Field(description="In the admin's words; null for a reinstatement.")
    created_at: Moment
