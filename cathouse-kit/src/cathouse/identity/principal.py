"""Who is asking."""

import datetime as dt
import uuid
from dataclasses import dataclass

from cathouse.schema import Role

_RANK = {Role.PLAYER: 0, Role.DEVELOPER: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, as an access token tells. ``authenticated_at`` is the log-in, not the last refresh."""

    user_id: uuid.UUID
    role: Role
    session_id: uuid.UUID | None
    authenticated_at: dt.datetime
    amr: tuple[str, ...] = ()
    scopes: frozenset[str] | None = None

    def has_role(self, role: Role) -> bool:
        """Whether the person's role is ``role`` or includes it: admin ⊇ developer ⊇ player."""
        return _RANK[self.role] >= _RANK[role]
