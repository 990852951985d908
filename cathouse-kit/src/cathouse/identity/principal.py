"""Who is asking."""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass
from functools import lru_cache

from cathouse.identity.scopes import Scope
from cathouse.schema import Role

_RANK = {Role.PLAYER: 0, Role.DEVELOPER: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, as an access token tells that ends at ``expires_at``. ``authenticated_at`` is the log-in, no refresh.

    ``scopes`` is None after a log-in, which may do all that the role allows; an API key may do what it lists.
    """

    user_id: uuid.UUID
    role: Role
    session_id: uuid.UUID | None
    authenticated_at: dt.datetime
    expires_at: dt.datetime
    scopes: frozenset[str] | None = None

    def has_role(self, role: Role) -> bool:
        """Whether the person's role is ``role`` or includes it: admin ⊇ developer ⊇ player."""
        return _RANK[self.role] >= _RANK[role]

    def has_scope(self, scope: Scope | None) -> bool:
        """Whether this is a log-in, or an API key with ``scope``; who may write in the catalog may read it."""
        if self.scopes is None:
            return True
        if scope is Scope.CATALOG_READ and Scope.CATALOG_WRITE in self.scopes:
            return True
        return scope is not None and scope in self.scopes


@lru_cache(4096)
def pseudonym_of(user_id: uuid.UUID) -> str:
    """What a person is called in logs and traces: who has the id finds their lines, no line tells the id.

    No key is needed: an id is random (122 bits), so that nobody can try them all.
    """
    return hashlib.sha256(user_id.bytes).hexdigest()[:12]
