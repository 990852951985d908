"""The rules of storage."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow, Database
from cathouse.identity import CallbackToken, check_standing
from cathouse.schema import PermissionType
from cathouse.web import Keyset
from installation_service.activity.uses import GatheredUses
from installation_service.standing.service import authorise
from installation_service.storage import repository
from installation_service.storage.errors import RevisionMismatchError, StorageQuotaError, ValueNotFoundError

MOST_KEYS = 1000
LARGEST_VALUE = 64 * 1024
"""Bytes of JSON; both design/api.md."""

# A statement sees no key that another one is just adding. There are never that many of them (connections in all: under
# ten), so further from the limit the count that comes along is enough.
_UNSEEN = 100

Anything = Literal["*"]
ANYTHING: Anything = "*"
"""``If-Match: *``: whatever is there, as long as something is."""


class StorageService:
    """Keeps JSON values for cats, each installation apart from all others."""

    def __init__(self, database: Database, uses: GatheredUses) -> None:
        self._database = database
        self._uses = uses

    async def get(self, token: CallbackToken, key: str) -> AnyRow:
        """The value under ``key``.

        Raises:
            ValueNotFoundError, InstallationNotActiveError, PermissionNotGrantedError
        """
        found = await self._database.read(lambda session: repository.find_value(session, token.installation_id, key))
        found = check_standing(found, token, PermissionType.STORAGE)
        self._uses.note(token.installation_id, PermissionType.STORAGE, "get")
        if found.revision is None:
            raise ValueNotFoundError
        return found

    async def list(self, token: CallbackToken, *, prefix: str, keyset: Keyset) -> tuple[Sequence[AnyRow], str | None]:
        """One page of keys and the cursor of the next.

        Raises:
            InstallationNotActiveError, PermissionNotGrantedError
        """
        after = keyset.after[0] if keyset.after else None

        async def read(session: AsyncSession) -> Sequence[AnyRow]:
            await authorise(session, token, PermissionType.STORAGE)
            return await repository.list_keys(
                session, token.installation_id, prefix=prefix, after=after, limit=keyset.limit + 1
            )

        rows = await self._database.read(read)
        self._uses.note(token.installation_id, PermissionType.STORAGE, "list")
        return keyset.page(rows, lambda row: (row.key,))

    async def put(
        self,
        token: CallbackToken,
        key: str,
        value: Any,  # noqa: ANN401 - any JSON value
        *,
        if_match: int | Anything | None,
    ) -> tuple[int, bool]:
        """Keep ``value``, and return its revision and whether the key is new.

        Raises:
            RevisionMismatchError, StorageQuotaError, InstallationNotActiveError, PermissionNotGrantedError
        """

        async def put(session: AsyncSession) -> tuple[int, bool]:
            found = await repository.put_value(session, token.installation_id, key, value)
            found = check_standing(found, token, PermissionType.STORAGE)
            is_new = found.revision == 1
            _check_match(if_match, None if is_new else found.revision - 1)
            if is_new and found.keys > MOST_KEYS - _UNSEEN:
                keys = await repository.count_keys(session, token.installation_id)
                if keys > MOST_KEYS:
                    raise StorageQuotaError(MOST_KEYS)
            return found.revision, is_new

        return await self._database.write(put)

    async def delete(self, token: CallbackToken, key: str, *, if_match: int | Anything | None) -> None:
        """Remove the value under ``key``.

        Raises:
            ValueNotFoundError, RevisionMismatchError, InstallationNotActiveError, PermissionNotGrantedError
        """

        async def delete(session: AsyncSession) -> None:
            found = await repository.delete_value(session, token.installation_id, key)
            found = check_standing(found, token, PermissionType.STORAGE)
            _check_match(if_match, found.revision)
            if found.revision is None:
                raise ValueNotFoundError

        await self._database.write(delete)


def _check_match(if_match: int | Anything | None, revision: int | None) -> None:
    if if_match is None or (if_match == ANYTHING and revision is not None):
        return
    if if_match != revision:
        raise RevisionMismatchError
