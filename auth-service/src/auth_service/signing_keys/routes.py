"""The public keys over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from auth_service.signing_keys.service import SigningKeys
from cathouse.identity import public
from cathouse.web import provided

router = APIRouter(tags=["keys"])


@router.get("/.well-known/jwks.json", dependencies=[public])
async def read_jwks(response: Response, keys: Annotated[SigningKeys, provided("public_keys")]) -> dict[str, Any]:
    """The keys that access tokens are verified with (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return await keys.public_jwks()
