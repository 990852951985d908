"""An installation as its player sees it, and as its cat does."""

from cathouse.database import AnyRow
from installation_service.installations.declarations import is_declared
from installation_service.installations.schemas import (
    CatsInstallationView,
    InstallationView,
    SuspensionView,
    UpgradeView,
)


def installation_view(row: AnyRow) -> InstallationView:
    """Shape a row of the repository."""
    given = set(row.secrets_set)
    secrets = [{**secret, "set": secret["name"] in given} for secret in row.secrets or []]
    return InstallationView.model_validate(
        {
            **row._mapping,  # noqa: SLF001 - SQLAlchemy's public name for it
            "suspended": suspension_view(row),
            "secrets": secrets,
            "upgrade_available": _upgrade(row),
        }
    )


def cats_installation_view(row: AnyRow) -> CatsInstallationView:
    """What the cat sees, of a row with its standing."""
    return CatsInstallationView(
        id=row.id,
        instance_name=row.instance_name,
        config=row.config,
        version=row.version,
        permissions=sorted(row.granted),
    )


def suspension_view(row: AnyRow) -> SuspensionView | None:
    """Who stopped the installation, the operator before the developer; None: nobody."""
    if row.operator_suspended_at is not None:
        return SuspensionView(by="operator", reason=row.operator_suspension_reason, since=row.operator_suspended_at)
    if row.developer_suspended_at is not None:
        return SuspensionView(by="developer", reason=row.developer_suspension_reason, since=row.developer_suspended_at)
    return None


def _upgrade(row: AnyRow) -> UpgradeView | None:
    if row.newer_version is None:
        return None
    required_now = {each["permission_type"]: each["required"] for each in row.permissions}
    asked = [
        each["permission_type"]
        for each in row.newer_permissions
        if each["required"] > required_now.get(each["permission_type"], -1)
        or (each["required"] and not each["granted"])
    ]
    given = set(row.secrets_set)
    secrets = [
        secret["name"]
        for secret in row.newer_secrets
        if not is_declared(secret, row.secrets or []) or (secret["required"] and secret["name"] not in given)
    ]
    return UpgradeView(version=row.newer_version, asks_for=asked, secrets=secrets)
