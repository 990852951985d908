"""An installation as the developer of its cat sees it."""

from cathouse.database import AnyRow
from installation_service.developers.schemas import DeveloperInstallationView
from installation_service.installations.views import suspension_view


def developer_view(row: AnyRow) -> DeveloperInstallationView:
    """Shape a row of the repository."""
    return DeveloperInstallationView(
        installation_id=row.id,
        alias=row.alias,
        version=row.version,
        status=row.status,
        suspended=suspension_view(row),
        since=row.installed_at,
    )
