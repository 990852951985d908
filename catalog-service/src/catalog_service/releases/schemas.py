"""Releases as requests and answers."""

import re
import uuid
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from catalog_service.releases.config_schemas import check_config_schema
from cathouse.schema import PermissionType
from cathouse.web import ChangeModel, Flag, Moment, RequestModel, Whole
from cathouse.web.contract.outside_urls import check_host

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
# Headers that frame the message, belong to the connection or are ours: a secret in one of them would take the request
# apart.
_RESERVED_HEADERS = {
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "cdn-loop",
    "cookie",
    "proxy-authorization",
}


def _semantic_version(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError("expected a semantic version without prerelease, for example 1.4.0")
    return text


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text) or text.lower() in _RESERVED_HEADERS:
        raise ValueError(
            "expected the name of a header that may carry a secret, for example Authorization or X-Api-Key"
        )
    return text


Version = Annotated[str, AfterValidator(_semantic_version)]
HostName = Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(check_host)]
ConfigSchema = Annotated[dict[str, Any], AfterValidator(check_config_schema)]
Explanation = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Changelog = Annotated[str, StringConstraints(max_length=10_000)]
EndpointUrl = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Hosts = Annotated[list[HostName], Field(default_factory=list, max_length=20)]
Timeout = Annotated[Whole, Field(ge=1, le=25, description="Seconds that the cat may take to answer.")]


class PermissionRequest(RequestModel):
    """What a cat asks for, and why, in the developer's words."""

    permission_type: PermissionType
    description: Explanation
    required: Flag = False


class SecretRequest(RequestModel):
    """A credential of the player's that the cat may use at one host, in one header, without ever seeing it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    host: HostName
    header: Annotated[str, AfterValidator(_header)]
    description: Explanation
    required: Flag = False


Permissions = Annotated[list[PermissionRequest], Field(default_factory=list, max_length=len(PermissionType))]
Secrets = Annotated[list[SecretRequest], Field(default_factory=list, max_length=20)]


class ReleaseContent(RequestModel):
    """Everything that a release holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "1.1.0",
                    "changelog": "Asks the weather service of your choice.",
                    "endpoint_url": "https://cats.example.com/weather",
                    "permissions": [
                        {"permission_type": "external_api", "description": "To ask for the weather.", "required": True}
                    ],
                    "config_schema": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}},
                        "required": ["city"],
                    },
                    "egress_hosts": ["api.example.com"],
                    "secrets": [
                        {
                            "name": "weather_key",
                            "host": "api.example.com",
                            "header": "X-Api-Key",
                            "description": "Your key at example.com.",
                        }
                    ],
                }
            ]
        }
    )

    version: Version
    changelog: Changelog = ""
    endpoint_url: EndpointUrl
    permissions: Permissions
    config_schema: ConfigSchema | None = None
    egress_hosts: Hosts
    secrets: Secrets
    timeout_s: Timeout = 15

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        types = [permission.permission_type for permission in self.permissions]
        if len(set(types)) != len(types):
            raise ValueError("permissions: each type may be asked for once")
        names = [secret.name for secret in self.secrets]
        if len(set(names)) != len(names):
            raise ValueError("secrets: each name may be used once")
        undeclared = sorted({secret.host for secret in self.secrets} - set(self.egress_hosts))
        if undeclared:
            raise ValueError(f"secrets: {undeclared[0]} is not among egress_hosts")
        if self.egress_hosts and PermissionType.EXTERNAL_API not in types:
            raise ValueError(
                "egress_hosts: ask for the permission external_api as well, since they are of no use without it"
            )
        return self


class ReleaseChange(ChangeModel):
    """What is to change of an unpublished release; what is left out stays, null takes ``config_schema`` away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"changelog": "Purrs in tune.", "timeout_s": 10}]})

    version: Version = ""
    changelog: Changelog = ""
    endpoint_url: EndpointUrl = ""
    permissions: Permissions
    config_schema: ConfigSchema | None = None
    egress_hosts: Hosts
    secrets: Secrets
    timeout_s: Timeout = 15


class PermissionView(BaseModel):
    """A permission that a cat asks for."""

    model_config = ConfigDict(title="Permission")

    id: uuid.UUID
    permission_type: PermissionType
    description: str
    required: bool


class SecretView(BaseModel):
    """A secret that a release declares."""

    model_config = ConfigDict(title="DeclaredSecret")

    name: str
    host: str
    header: str
    description: str
    required: bool


_RELEASE: JsonDict = {
    "id": "d27b9a53-0c4e-4a1f-9e86-7b5f0c3d8a12",
    "cat_id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b",
    "version": "1.1.0",
    "changelog": "Asks the weather service of your choice.",
    "permissions": [
        {
            "id": "b3e0d8f4-6a1c-4b7d-8e25-9f4c2a7d1e60",
            "permission_type": "external_api",
            "description": "To ask for the weather.",
            "required": True,
        }
    ],
    "config_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "egress_hosts": ["api.example.com"],
    "secrets": [
        {
            "name": "weather_key",
            "host": "api.example.com",
            "header": "X-Api-Key",
            "description": "Your key at example.com.",
            "required": False,
        }
    ],
    "timeout_s": 15,
    "asks_for_consent": True,
    "published_at": "2026-11-21T18:00:00Z",
}


class ReleaseView(BaseModel):
    """One version of a cat, for everybody."""

    model_config = ConfigDict(title="Release", json_schema_extra={"examples": [_RELEASE]})

    id: uuid.UUID
    cat_id: uuid.UUID
    version: str
    changelog: str
    permissions: list[PermissionView]
    config_schema: dict[str, Any] | None
    egress_hosts: list[str]
    secrets: list[SecretView]
    timeout_s: int
    asks_for_consent: bool
    published_at: Moment | None


class OwnedReleaseView(ReleaseView):
    """One version of a cat, for its owner and admins."""

    model_config = ConfigDict(
        title="OwnedRelease",
        json_schema_extra={"examples": [{**_RELEASE, "endpoint_url": "https://cats.example.com/weather"}]},
    )

    endpoint_url: str
