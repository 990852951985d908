"""Publications as requests."""

from pydantic import ConfigDict

from catalog_service.releases.schemas import Version
from cathouse.web import RequestModel


class Publication(RequestModel):
    """Which release to publish; the newest unpublished one when left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "1.0.0"}]})

    version: Version | None = None
