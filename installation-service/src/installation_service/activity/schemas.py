"""What proxy-service reports."""

import uuid
from typing import Annotated

from pydantic import Field, StringConstraints

from cathouse.web import GivenMoment, RequestModel, Whole

LARGEST_REPORT = 500

Milliseconds = Annotated[Whole, Field(ge=0, le=2**31 - 1)]
Bytes = Annotated[Whole, Field(ge=0, le=2**63 - 1)]
"""Both as far as their columns reach."""


class InteractionReport(RequestModel):
    """One interaction, as proxy-service saw it; never what was said. ``at`` is when it began."""

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


class InteractionReports(RequestModel):
    """Several at once."""

    interactions: Annotated[list[InteractionReport], Field(min_length=1, max_length=LARGEST_REPORT)]
