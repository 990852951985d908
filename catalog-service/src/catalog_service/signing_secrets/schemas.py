"""Signing secrets as answers."""

from pydantic import BaseModel, ConfigDict

from cathouse.web import Moment


class SigningSecretView(BaseModel):
    """What a cat checks our signatures with (Standard Webhooks)."""

    model_config = ConfigDict(
        title="SigningSecret",
        json_schema_extra={
            "examples": [
                {"secret": "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU=", "version": 1, "previous_valid_until": None}
            ]
        },
    )

    secret: str
    version: int
    previous_valid_until: Moment | None
