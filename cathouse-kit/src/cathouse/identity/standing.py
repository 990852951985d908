"""What a calling cat may do right now, by what the database says of its installation."""

from cathouse.database import AnyRow
from cathouse.identity.callback_tokens import CallbackToken
from cathouse.identity.errors import InstallationNotActiveError, PermissionNotGrantedError
from cathouse.schema import PermissionType


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
