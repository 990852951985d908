"""What proxy-service reports, and what players see of what happened."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from cathouse.schema import LONGEST_ACTION, PermissionType
from cathouse.web import GivenMoment, Moment, RequestModel, Whole

LARGEST_REPORT = 500

Milliseconds = Annotated[Whole, Field(ge=0, le=2**31 - 1)]
Bytes = Annotated[Whole, Field(ge=0, le=2**63 - 1)]
"""Both as far as their columns reach."""


class InteractionReport(RequestModel):
    """One interaction, as proxy-service saw it; never what was said. ``at`` is when it began.

    ``action`` is what a cat used its permission ``external_api`` for: the method and the host that it called.
    """

    id: uuid.UUID
    installation_id: uuid.UUID
    cat_id: uuid.UUID
    kind: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    status_code: Annotated[Whole, Field(ge=100, le=599)]
    proxy_error: Annotated[str, StringConstraints(max_length=64)] | None
    duration_ms: Milliseconds
    bytes_in: Bytes
    bytes_out: Bytes
    at: GivenMoment
    action: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ACTION)] | None = None


class InteractionReports(RequestModel):
    """Several at once."""

    interactions: Annotated[list[InteractionReport], Field(min_length=1, max_length=LARGEST_REPORT)]


class InteractionActivity(BaseModel):
    """That the player talked to the cat and how it went; never what was said.

    With the kind `external` it is a call of the cat's to a host outside: which one says the `permission_use` beside it.
    """

    type: Literal["interaction"]
    id: uuid.UUID
    at: Moment
    kind: str
    status_code: int
    proxy_error: str | None
    duration_ms: int


class PermissionUseActivity(BaseModel):
    """That the cat used what it was granted; reads of a few seconds are counted together."""

    type: Literal["permission_use"]
    id: uuid.UUID
    at: Moment
    permission_type: PermissionType
    action: str
    count: int


class ActivityView(RootModel[Annotated[InteractionActivity | PermissionUseActivity, Field(discriminator="type")]]):
    """Something that happened in an installation."""

    model_config = ConfigDict(title="Activity")
