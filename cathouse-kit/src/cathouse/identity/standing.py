"""What somebody may do right now, by what the database says and whatever a token said when it was made."""

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.identity.callback_tokens import CallbackToken
from cathouse.identity.errors import InstallationNotActiveError, PermissionNotGrantedError
from cathouse.schema import PermissionType, Role, User


async def is_active_admin(session: AsyncSession, user_id: uuid.UUID) -> bool:
    """Whether the account is an admin's and open.

    For services that may read ``role`` and ``is_active`` of users: all but proxy-service.
    """
    query = select(User.id).where(User.id == user_id, User.role == Role.ADMIN, User.is_active)
    return (await session.scalar(query)) is not None


def check_active(found: AnyRow | None) -> AnyRow:
    """Return ``found``, a row with ``schema.is_active()``, when the installation is active at this moment.

    Raises:
        InstallationNotActiveError
    """
    if found is None or not found.is_active:
        raise InstallationNotActiveError
    return found


def check_standing(found: AnyRow | None, token: CallbackToken, permission: PermissionType) -> AnyRow:
    """Return ``found``, a row with ``schema.granted_now()`` as well, when the cat may use ``permission`` right now.

    A token keeps its scopes only as far as they are granted now, so a revocation holds at once; what was granted
    since comes with the next token.

    Raises:
        InstallationNotActiveError, PermissionNotGrantedError
    """
    found = check_active(found)
    if permission not in token.scopes or permission not in found.granted:
        raise PermissionNotGrantedError(permission)
    return found
