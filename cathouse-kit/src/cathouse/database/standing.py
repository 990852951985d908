"""What an account may do now, whatever its token said ten minutes ago."""

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.schema import Role, User


async def is_active_admin(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Whether the account is an admin's and open, as the database holds it.

    For services that may read ``role`` and ``is_active`` of users: all but proxy-service.
    """
    query = select(User.id).where(User.id == user_id, User.role == Role.ADMIN, User.is_active)
    return (await session.scalar(query)) is not None
