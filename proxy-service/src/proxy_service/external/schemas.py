"""External calls as requests and answers."""

import base64
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from cathouse.web import RequestModel

MOST_HEADERS = 20
LARGEST_HEADER = 4 * 1024

Encoding = Literal["utf-8", "base64"]

_NAME = re.compile(r"accept|content-type|x-[!#$%&'*+.^_`|~0-9a-z-]{1,62}", re.IGNORECASE)
# Visible ASCII, and blanks within: what a header can carry everywhere (RFC 9110 section 5.5).
_VALUE = re.compile(r"([!-~]([ -~]*[!-~])?)?")


def _headers(headers: dict[str, str]) -> dict[str, str]:
    seen: set[str] = set()
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{_shown(name)} cannot be set; Accept, Content-Type and X-… can")
        if name.lower() in seen:
            raise ValueError(f"{name} is set twice")
        if len(value) > LARGEST_HEADER or not _VALUE.fullmatch(value):
            raise ValueError(f"{name}: expected visible ASCII characters, at most {LARGEST_HEADER}")
        seen.add(name.lower())
    return headers


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 64 else f"{name[:64]}…")


class ExternalCall(RequestModel):
    """A request to a host that the release declares."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "method": "GET",
                    "url": "https://api.example.com/v1/forecast?city=Bern",
                    "headers": {"Accept": "application/json"},
                    "secret": "api_key",
                }
            ]
        }
    )

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    url: Annotated[str, StringConstraints(min_length=1)]
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default={}, max_length=MOST_HEADERS, description="Accept, Content-Type and X-… only."
    )
    body: str | None = None
    body_encoding: Encoding = "utf-8"
    secret: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="The name of a secret that the release declares: the player's value is added where it says."
    )

    @model_validator(mode="after")
    def _body_can_be_decoded(self) -> Self:
        try:
            self.content()
        except ValueError:
            raise ValueError("body: not valid base64") from None
        return self

    def content(self) -> bytes:
        """The body in bytes."""
        body = self.body or ""
        return base64.b64decode(body, validate=True) if self.body_encoding == "base64" else body.encode()


class ExternalAnswer(BaseModel):
    """What the host answered: any status of its own is an answer, and redirects are not followed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": 200,
                    "headers": {"content-type": "application/json"},
                    "body": '{"rain": true}',
                    "body_encoding": "utf-8",
                }
            ]
        }
    )

    status: int
    headers: dict[str, str] = Field(description="content-type, retry-after, etag, link and x-…, in lower case.")
    body: str
    body_encoding: Encoding = Field(description='"utf-8" when the body is text, else "base64".')
