"""Writing an export, page by page: neither memory nor a connection is held for the whole of it."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.repository import read_profile
from auth_service.audit.repository import record_own
from auth_service.client import Client
from auth_service.exports import repository
from auth_service.exports.repository import Section
from cathouse.database import AnyRow, Database


class ExportService:
    """Tells a person everything that is held about them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, user_id: uuid.UUID, client: Client) -> AsyncIterator[bytes]:
        """The parts of one JSON object: ``user``, then a list for each kind of thing.

        Raises:
            AccountGoneError: before anything is written.
        """

        async def find(session: AsyncSession) -> AnyRow:
            user = await read_profile(session, user_id)
            await record_own(session, "user.exported", user_id, client)
            return user

        return self._parts(user_id, await self._database.write(find))

    async def _parts(self, user_id: uuid.UUID, user: AnyRow) -> AsyncIterator[bytes]:
        head = {"exported_at": dt.datetime.now(dt.UTC), "user": dict(user._mapping)}  # noqa: SLF001 - a row's documented name
        yield to_json(head)[:-1]
        for section in repository.sections(user_id):
            yield b"," + to_json(section.name) + b":["
            separator = b""
            async for row in self._rows(section):
                yield separator + to_json(dict(row._mapping))  # noqa: SLF001 - the same
                separator = b","
            yield b"]"
        yield b"}"

    async def _rows(self, section: Section) -> AsyncIterator[AnyRow]:
        after: tuple[Any, ...] | None = None
        while True:
            rows = await self._database.read(partial(repository.read_page, section=section, after=after))
            for row in rows:
                yield row
            if len(rows) < section.page:
                return
            after = tuple(getattr(rows[-1], column.key) for column in section.key)
