"""Storage over HTTP, for cats."""

import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from cathouse.identity import CallingCat
from cathouse.web import (
    DEFAULT_LIMIT,
    Cursor,
    Keyset,
    Limit,
    Page,
    SafeText,
    provided,
    refuse_what_jsonb_refuses,
    view_of,
)
from installation_service.storage.errors import (
    JsonExpectedError,
    MalformedJsonError,
    RevisionMismatchError,
    ValueTooLargeError,
)
from installation_service.storage.schemas import StoredKeyView, StoredValueView, StoredView
from installation_service.storage.service import ANYTHING, LARGEST_VALUE, Anything, StorageService

router = APIRouter(prefix="/api/v1/cat/storage", tags=["storage (for cats)"])

Storage = Annotated[StorageService, provided("storage")]
Key = Annotated[SafeText, Path(pattern=r"^[A-Za-z0-9._/-]{1,128}$")]
IfMatch = Annotated[str | None, Header(description='The ETag of the value that is expected to be there, as "7".')]

_ETAG = re.compile(r'"?([0-9]{1,18})"?')
_JSON_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}


@router.get("")
async def list_stored_keys(
    cat: CallingCat,
    storage: Storage,
    prefix: Annotated[SafeText, Query(max_length=128)] = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[StoredKeyView]:
    """The keys of this installation."""
    filters = {"prefix": prefix, "installation": cat.installation_id}
    keyset = Keyset.read(cursor, limit=limit, filters=filters, types=(str,))
    rows, next_cursor = await storage.list(cat, prefix=prefix, keyset=keyset)
    return Page[StoredKeyView](items=[view_of(StoredKeyView, row) for row in rows], next_cursor=next_cursor)


@router.get("/{key:path}")
async def read_stored_value(key: Key, cat: CallingCat, storage: Storage, response: Response) -> StoredValueView:
    """One value."""
    found = await storage.get(cat, key)
    response.headers["ETag"] = _etag(found.revision)
    return view_of(StoredValueView, found)


@router.put("/{key:path}", openapi_extra=_JSON_BODY, responses={201: {"model": StoredView}})
async def store_value(
    key: Key,
    cat: CallingCat,
    storage: Storage,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> StoredView:
    """Keep the JSON value that is the body; 201 when the key is new."""
    value = await _json_body(request)
    revision, is_new = await storage.put(cat, key, value, if_match=_revision(if_match))
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = _etag(revision)
    return StoredView(key=key, revision=revision)


@router.delete("/{key:path}", status_code=204)
async def delete_stored_value(key: Key, cat: CallingCat, storage: Storage, if_match: IfMatch = None) -> None:
    """Remove one value."""
    await storage.delete(cat, key, if_match=_revision(if_match))


async def _json_body(request: Request) -> Any:  # noqa: ANN401 - any JSON value
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise JsonExpectedError
    body = await request.body()
    if len(body) > LARGEST_VALUE:
        raise ValueTooLargeError(LARGEST_VALUE)
    try:
        return refuse_what_jsonb_refuses(json.loads(body))
    except RecursionError:
        raise MalformedJsonError("it is nested too deeply") from None
    except ValueError as error:
        raise MalformedJsonError(str(error)) from None


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _revision(if_match: str | None) -> int | Anything | None:
    """What ``If-Match`` wants. What is no ETag of ours can match nothing (RFC 9110 section 13.1.1)."""
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return ANYTHING
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise RevisionMismatchError
    return int(found.group(1))
