"""The rule of it, for services that ask before they do something for a calling cat."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.identity import CallbackToken, check_standing
from cathouse.schema import PermissionType
from installation_service.standing.repository import find_standing


async def authorise(
    session: AsyncSession, token: CallbackToken, permission: PermissionType, *, for_change: bool = False
) -> uuid.UUID:
    """The player for whom the cat calls, read from the database.

    ``for_change`` locks the installation: who ends it waits for this, and limits counted next are exact.

    Raises:
        InstallationNotActiveError, PermissionNotGrantedError
    """
    found = await find_standing(session, token.installation_id, for_change=for_change)
    player: uuid.UUID = check_standing(found, token, permission).user_id
    return player
