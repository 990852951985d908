"""Interactions as requests."""

from pydantic import ConfigDict

from cathouse.web import JsonValue, RequestModel


class InteractionRequest(RequestModel):
    """What the player says: any JSON value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": "Hello, Misty!"}]})

    input: JsonValue
