"""Releases as requests and answers."""

import json
import re
import uuid
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from cathouse.schema import PermissionType
from cathouse.web import ChangeModel, Flag, Moment, RequestModel, Whole
from cathouse.web.contract.outside_urls import check_host

LARGEST_CONFIG_SCHEMA = 32 * 1024
DEEPEST_CONFIG_SCHEMA = 20

# A player's config is held to a stranger's schema inside installation-service: a regular expression that backtracks, a
# reference to itself, or pairwise comparison would stop it for everybody.
_COSTLY_KEYWORDS = {"pattern", "patternProperties", "uniqueItems", "$ref", "$dynamicRef", "$recursiveRef"}

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


def _host(text: str) -> str:
    return check_host(text)


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text) or text.lower() in _RESERVED_HEADERS:
        raise ValueError(
            "expected the name of a header that may carry a secret, for example Authorization or X-Api-Key"
        )
    return text


def _config_schema(document: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(document)) > LARGEST_CONFIG_SCHEMA:
        raise ValueError(f"the schema is larger than {LARGEST_CONFIG_SCHEMA // 1024} KiB")
    if _depth(document) > DEEPEST_CONFIG_SCHEMA:
        raise ValueError(f"the schema is nested deeper than {DEEPEST_CONFIG_SCHEMA} levels")
    # 2 MB and some 20 ms for the few releases that take a config.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "its top"
        raise ValueError(f"not a JSON Schema (2020-12): see {place}") from None
    if costly := sorted(_COSTLY_KEYWORDS & _members(document)):
        raise ValueError(f"the keyword {costly[0]} is not accepted here, since checking it can take very long")
    if document.get("type") != "object":
        raise ValueError('a config is an object: the schema needs "type": "object" at its top')
    return document


def _members(value: Any) -> set[str]:  # noqa: ANN401 - any JSON value
    """The names of all members, at every level."""
    names: set[str] = set()
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            names |= each.keys()
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    return names


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON value
    deepest, level = 0, [value]
    while level:
        deepest += 1
        children: list[Any] = []
        for each in level:
            children += each.values() if isinstance(each, dict) else each if isinstance(each, list) else []
        level = children
    return deepest


Version = Annotated[str, AfterValidator(_semantic_version)]
HostName = Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_host)]
ConfigSchema = Annotated[dict[str, Any], AfterValidator(_config_schema)]
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
