"""What a calling cat may do right now."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.identity import CallbackToken
from cathouse.schema import Installation, PermissionType
from installation_service.grants.errors import InstallationNotActiveError, PermissionNotGrantedError
from installation_service.grants.repository import standing


def check_active(found: AnyRow | None) -> AnyRow:
    """Return ``found`` when the installation is active at this moment.

    Raises:
        InstallationNotActiveError
    """
    if found is None or not found.is_active:
        raise InstallationNotActiveError
    return found


def check_standing(found: AnyRow | None, token: CallbackToken, permission: PermissionType) -> AnyRow:
    """Return ``found`` when the cat may use ``permission`` at this moment; its ``user_id`` is the player.

    A token keeps its scopes only as far as they are granted now, so a revocation holds at once; what was granted
    since comes with the next token.

    Raises:
        InstallationNotActiveError, PermissionNotGrantedError
    """
    found = check_active(found)
    if permission not in token.scopes or permission not in found.granted:
        raise PermissionNotGrantedError(permission)
    return found


async def authorise(
    session: AsyncSession, token: CallbackToken, permission: PermissionType, *, for_change: bool = False
) -> uuid.UUID:
    """The player for whom the cat calls, read from the database.

    ``for_change`` locks the installation, so that limits counted next are exact.

    Raises:
        InstallationNotActiveError, PermissionNotGrantedError
    """
    query = standing(token.installation_id)
    if for_change:
        query = query.with_for_update(of=Installation)
    player: uuid.UUID = check_standing((await session.execute(query)).one_or_none(), token, permission).user_id
    return player
