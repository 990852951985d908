"""What proxy-service reports."""

import uuid
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from cathouse.web import RequestModel

LARGEST_REPORT = 500


class InteractionReport(RequestModel):
    """One interaction, as proxy-service saw it; never what was said. ``at`` is when it began."""

    id: uuid.UUID
    installation_id: uuid.UUID
    cat_id: uuid.UUID
    kind: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    status_code: Annotated[int, Field(ge=100, le=599)]
    proxy_error: Annotated[str, StringConstraints(max_length=64)] | None
    duration_ms: Annotated[int, Field(ge=0)]
    bytes_in: Annotated[int, Field(ge=0)]
    bytes_out: Annotated[int, Field(ge=0)]
    at: AwareDatetime


class InteractionReports(RequestModel):
    """Several at once."""

    interactions: Annotated[list[InteractionReport], Field(min_length=1, max_length=LARGEST_REPORT)]
