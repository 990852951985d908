"""Whose cat it is."""

import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from installation_service.developers.errors import OwnCatNotFoundError
from installation_service.developers.repository import is_owned


async def check_owner(session: AsyncSession, cat_id: uuid.UUID, developer_id: uuid.UUID) -> None:
    """Make sure that the cat is the developer's.

    Raises:
        OwnCatNotFoundError: also when it is somebody else's.
    """
    if not await is_owned(session, cat_id, developer_id):
        raise OwnCatNotFoundError
