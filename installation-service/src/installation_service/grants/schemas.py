"""Grants as requests."""

from pydantic import ConfigDict

from cathouse.web import Flag, RequestModel


class Answer(RequestModel):
    """Yes or no."""

    model_config = ConfigDict(title="PermissionAnswer", json_schema_extra={"examples": [{"granted": True}]})

    granted: Flag
