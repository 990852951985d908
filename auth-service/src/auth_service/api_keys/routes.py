"""API keys over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter

from auth_service.api_keys.schemas import ApiKeyCreation, ApiKeyExchange, ApiKeyView, NewApiKeyView, ScopedToken
from auth_service.api_keys.service import ApiKeyService
from auth_service.from_client import FromClient
from cathouse.identity import CurrentDeveloper, public
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, limited_by_address, provided, view_of

router = APIRouter(tags=["API keys"])

ApiKeys = Annotated[ApiKeyService, provided("api_keys")]


@router.get("/api/v1/api-keys")
async def list_api_keys(
    developer: CurrentDeveloper, api_keys: ApiKeys, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ApiKeyView]:
    """The caller's API keys, newest first."""
    keyset = Keyset.read(cursor, limit=limit, filters={}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await api_keys.list(developer.user_id, keyset)
    return Page[ApiKeyView](items=[view_of(ApiKeyView, row) for row in rows], next_cursor=next_cursor)


@router.post("/api/v1/api-keys", status_code=201)
async def create_api_key(
    developer: CurrentDeveloper, creation: ApiKeyCreation, api_keys: ApiKeys, client: FromClient
) -> NewApiKeyView:
    """Make a key for a tool. It is shown this once."""
    added, text = await api_keys.create(developer.user_id, creation, client)
    return NewApiKeyView(**view_of(ApiKeyView, added).model_dump(), key=text)


@router.delete("/api/v1/api-keys/{key_id}", status_code=204)
async def remove_api_key(key_id: uuid.UUID, developer: CurrentDeveloper, api_keys: ApiKeys, client: FromClient) -> None:
    """Remove a key. Access tokens that it was exchanged for end by themselves within ten minutes."""
    await api_keys.remove(developer.user_id, key_id, client)


@router.post("/api/v1/auth/api-key", dependencies=[public, limited_by_address("logins")])
async def exchange_api_key(exchange: ApiKeyExchange, api_keys: ApiKeys) -> ScopedToken:
    """Get an access token for a key: ten minutes, and only what the key's scopes allow."""
    return await api_keys.exchange(exchange.api_key)
