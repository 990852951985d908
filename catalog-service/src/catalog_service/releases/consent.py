"""When a release asks for more than the one before it, so that players are asked again (docs/cats.md).

More is: a permission that becomes required, another host to call, a secret that is new or goes elsewhere, another host
that the cat itself answers from, another shape of the config. Less, or only new optional permissions (denied until
somebody grants them), is no reason to ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Demands:
    """What a release wants of its players.

    ``permissions`` maps each type to whether it is required; ``secrets`` are objects with name, host, header, required.
    """

    endpoint_url: str
    permissions: dict[str, bool]
    egress_hosts: frozenset[str]
    secrets: Sequence[dict[str, Any]]
    config_schema: dict[str, Any] | None

    def ask_for_more_than(self, before: "Demands") -> bool:
        """Whether players who agreed to ``before`` have to be asked."""
        return (
            not _required(self.permissions) <= _required(before.permissions)
            or not self.egress_hosts <= before.egress_hosts
            or not _uses(self.secrets) <= _uses(before.secrets)
            or not _needed(self.secrets) <= _needed(before.secrets)
            or _host(self.endpoint_url) != _host(before.endpoint_url)
            or self.config_schema != before.config_schema
        )


def _required(permissions: dict[str, bool]) -> set[str]:
    return {kind for kind, required in permissions.items() if required}


def _uses(secrets: Sequence[dict[str, Any]]) -> set[tuple[str, str, str]]:
    # Header names know no case: RFC 9110 section 5.1.
    return {(secret["name"], secret["host"], secret["header"].lower()) for secret in secrets}


def _needed(secrets: Sequence[dict[str, Any]]) -> set[str]:
    return {secret["name"] for secret in secrets if secret["required"]}


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
