"""Whether a calling cat may do something right now, for services that ask before they do it."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.identity import CallbackToken, check_standing
from cathouse.schema import Installation, PermissionType
from installation_service.grants.repository import standing


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
