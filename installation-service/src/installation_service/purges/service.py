"""The rule of purges: what its cat stored and its player's secrets go some time after an installation ended."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession

from installation_service.purges import repository

KEPT_FOR = dt.timedelta(hours=48)
"""design/api.md, DELETE /api/v1/installations/{id}."""


async def purge(session: AsyncSession) -> int:
    """Empty some installations that were uninstalled long enough ago, and return how many; 0: there are none.

    Several processes may do so at once: each takes others. An installation counts as purged in the transaction that
    removes the last of its rows, so what breaks off is begun again.
    """
    found = await repository.lock_unpurged(session, uninstalled_for=KEPT_FOR)
    if not found:
        return 0
    emptied = await repository.remove_contents(session, found)
    if emptied:
        await repository.mark_purged(session, emptied)
    return len(found)
