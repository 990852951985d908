"""The rules of forgetting a player."""

import uuid
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import Database, record_events, write_portions
from installation_service.erasures import repository
from installation_service.lifecycle.service import LifecycleService

CONTENTS = (
    repository.delete_secrets,
    repository.delete_stored_values,
    repository.delete_notifications,
    repository.delete_tasks,
    repository.delete_permission_uses,
    repository.delete_aliases,
    repository.delete_idempotency_keys,
)
"""What is removed of a person once no cat can add to it."""


class ErasureService:
    """Forgets people: each step looks for what is left to do, so it can be begun again at any time."""

    def __init__(self, database: Database, lifecycle: LifecycleService) -> None:
        self._database = database
        self._lifecycle = lifecycle

    async def erase(self, user_id: uuid.UUID) -> None:
        """End all installations of the person, and remove what cats and the person kept in this slice.

        The installations remain as empty, nameless, uninstalled ones: their interactions are counted for 30 days.
        auth-service calls this several times, also at once: what was done changes nothing more, and what a token that
        is still valid made since is done then.

        Raises:
            ServiceError: as ``Database.write``; a repetition goes on where this one ended.
        """

        async def end_installations(session: AsyncSession) -> int:
            locked = await repository.lock_installations(session, user_id)
            if locked:
                ended = await repository.end_installations(session, list(locked))
                await repository.revoke_grants(session, ended)
                await repository.tell_cats(session, {each: locked[each] for each in ended})
                subjects = [{"installation_id": each, "user_id": user_id} for each in ended]
                # Nobody is the actor: the person is gone, and no admin had a hand in it.
                await record_events(session, "installation.erased", actor_id=None, subjects=subjects)
            return len(locked)

        # First of all: from here on the cats' tokens are dead, so that nothing comes back behind what is removed next.
        await write_portions(self._database, end_installations)
        self._lifecycle.wake()
        for remove in CONTENTS:
            await write_portions(self._database, partial(remove, user_id=user_id))
