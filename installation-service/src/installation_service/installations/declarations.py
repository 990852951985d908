"""What releases declare, and whether what a player gave fits it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cathouse.schema import PermissionType
from installation_service.installations.errors import (
    PermissionNotRequestedError,
    PermissionRequiredError,
    SecretNotDeclaredError,
    SecretRequiredError,
)


def is_declared(secret: Mapping[str, Any], declared: Sequence[Mapping[str, Any]]) -> bool:
    """Whether ``secret`` was declared before, for the same host and header: what was given for it may be used on."""
    return any(_use(secret) == _use(each) for each in declared)


def _use(secret: Mapping[str, Any]) -> tuple[str, str, str]:
    # Header names know no case: RFC 9110 section 5.1.
    return secret["name"], secret["host"], secret["header"].lower()


def check_grants(grants: Mapping[PermissionType, bool], permissions: Sequence[Mapping[str, Any]]) -> None:
    """Make sure that what a release requires is granted, and nothing that it does not ask for.

    Raises:
        PermissionNotRequestedError, PermissionRequiredError
    """
    asked = {each["permission_type"] for each in permissions}
    unexpected = sorted(kind for kind, granted in grants.items() if granted and kind not in asked)
    if unexpected:
        raise PermissionNotRequestedError(unexpected)
    missing = [
        each["permission_type"] for each in permissions if each["required"] and not grants.get(each["permission_type"])
    ]
    if missing:
        raise PermissionRequiredError(missing)


def check_secrets(given: Collection[str], declared: Sequence[Mapping[str, Any]], *, kept: Collection[str] = ()) -> None:
    """Make sure that what a release requires is ``given`` now or ``kept`` from before, and nothing undeclared is given.

    Raises:
        SecretNotDeclaredError, SecretRequiredError
    """
    unexpected = sorted(set(given) - {secret["name"] for secret in declared})
    if unexpected:
        raise SecretNotDeclaredError(unexpected)
    there = {*given, *kept}
    missing = [secret["name"] for secret in declared if secret["required"] and secret["name"] not in there]
    if missing:
        raise SecretRequiredError(missing)
