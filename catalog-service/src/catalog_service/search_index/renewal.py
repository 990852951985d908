"""What search learns of others: developers' new names, who has installed which cat, and so how popular each is."""

import datetime as dt
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.search_index import repository
from cathouse.database import Database, Worker, write_portions

LOOK_AGAIN_S = 60.0
"""design/architecture.md: what others change is in search after this long at most, while the service serves."""

_AT_ONCE = 50


class SearchRenewal:
    """Brings names, numbers of installations and the tiers that follow from them into search.

    At the start all of them, then what has changed.

    Several processes may do it; each does all, one after the other, and nothing is done twice to worse effect.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.worker = Worker("search", self._renew, database.idleness, look_again_s=LOOK_AGAIN_S)
        self._since: dt.datetime | None = None

    def start(self) -> None:
        """Begin."""
        self.worker.start()

    async def close(self) -> None:
        """Stop; the next process begins anew."""
        await self.worker.close()

    async def _renew(self) -> None:
        since = self._since
        began = await self._database.write(lambda session: repository.count_installations(session, since=since))
        await write_portions(self._database, repository.move_tiers)
        await write_portions(self._database, repository.note_facets)
        await self._renew_documents(since)
        self._since = began - repository.OVERLAP

    async def _renew_documents(self, since: dt.datetime | None) -> None:
        after: uuid.UUID | None = None
        while True:

            async def renew(session: AsyncSession, after: uuid.UUID | None = after) -> uuid.UUID | None:
                stale = await repository.list_stale(session, since=since, after=after, limit=_AT_ONCE)
                for cat_id in await repository.lock_cats(session, stale):
                    await repository.refresh(session, cat_id)
                return stale[-1] if len(stale) == _AT_ONCE else None

            after = await self._database.write(renew)
            if after is None:
                return
