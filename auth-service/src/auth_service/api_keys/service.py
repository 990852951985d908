"""The rules of API keys."""

import time
import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.errors import AccountGoneError
from auth_service.api_keys import repository
from auth_service.api_keys.errors import ApiKeyInvalidError, ApiKeyNotFoundError, TooManyApiKeysError
from auth_service.api_keys.keys import hash_of, make_key
from auth_service.api_keys.schemas import ApiKeyCreation, ScopedToken
from auth_service.audit.repository import record
from auth_service.client import Client
from auth_service.sessions.tokens import TokenIssuer
from cathouse.database import AnyRow, Database
from cathouse.identity.access_tokens import LIFE_S
from cathouse.schema import Role
from cathouse.web import Keyset

MOST_KEYS = 50

AMR = ("api_key",)
"""How such a token says that nobody logged in."""


class ApiKeyService:
    """Makes keys, and turns them into access tokens."""

    def __init__(self, database: Database, tokens: TokenIssuer) -> None:
        self._database = database
        self._tokens = tokens

    async def create(self, user_id: uuid.UUID, creation: ApiKeyCreation, client: Client) -> tuple[AnyRow, str]:
        """Make a key: its row, and its text, which is kept nowhere.

        Raises:
            TooManyApiKeysError, AccountGoneError
        """
        key = make_key()

        async def add(session: AsyncSession) -> AnyRow:
            count = await repository.count_keys(session, user_id)
            if count is None:
                raise AccountGoneError
            if count >= MOST_KEYS:
                raise TooManyApiKeysError(MOST_KEYS)
            added = await repository.add_key(
                session,
                user_id,
                key,
                name=creation.name,
                scopes=creation.scopes,
                expires_at=creation.expires_at,
            )
            subject = {"user_id": user_id, "api_key_id": added.id}
            detail = {"scopes": list(creation.scopes)}
            await record(session, "api_key.created", actor_id=user_id, subject=subject, detail=detail, client=client)
            return added

        return await self._database.write(add), key.text

    async def list(self, user_id: uuid.UUID, keyset: Keyset) -> tuple[Sequence[AnyRow], str | None]:
        """One page of a person's keys, newest first, and the cursor of the next."""
        rows = await self._database.read(
            lambda session: repository.list_keys(session, user_id, after=keyset.after, limit=keyset.limit + 1)
        )
        return keyset.page(rows, lambda row: (row.created_at, row.id))

    async def remove(self, user_id: uuid.UUID, key_id: uuid.UUID, client: Client) -> None:
        """Remove a key; what it was exchanged for ends by itself within ten minutes.

        Raises:
            ApiKeyNotFoundError: also when it is somebody else's.
        """

        async def remove(session: AsyncSession) -> None:
            if not await repository.remove_key(session, user_id, key_id):
                raise ApiKeyNotFoundError
            subject = {"user_id": user_id, "api_key_id": key_id}
            await record(session, "api_key.removed", actor_id=user_id, subject=subject, client=client)

        await self._database.write(remove)

    async def exchange(self, text: str) -> ScopedToken:
        """An access token that may do what the key may, and ends with it. It never counts as a recent log-in.

        Its role is developer, also for an admin's key: one that a tool has lost must not show everybody's drafts.

        Raises:
            ApiKeyInvalidError
        """
        found = await self._database.write(lambda session: repository.use_key(session, hash_of(text)))
        if found is None:
            raise ApiKeyInvalidError
        scope = " ".join(found.scopes)
        life_s = LIFE_S
        if found.expires_at is not None:
            life_s = min(life_s, int(found.expires_at.timestamp() - time.time()))
            if life_s < 1:
                raise ApiKeyInvalidError
        access_token = await self._tokens.access_token(
            user_id=found.user_id,
            role=Role.DEVELOPER,
            authenticated_at=found.created_at,
            amr=AMR,
            life_s=life_s,
            scope=scope,
        )
        return ScopedToken(access_token=access_token, expires_in=life_s, scope=scope)
