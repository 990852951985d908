"""Tokens over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from cathouse.identity import SigningCat
from cathouse.web import provided
from proxy_service.tokens.schemas import TokenRequest, TokenView
from proxy_service.tokens.service import TokenService

router = APIRouter(tags=["tokens (for cats)"])


@router.post("/api/v1/cat/token")
async def request_token(
    wanted: TokenRequest, signed: SigningCat, tokens: Annotated[TokenService, provided("tokens")]
) -> TokenView:
    """A callback token for an active installation of the cat, which signs the request as Cat House signs its messages.

    A webhook-id counts once within ten minutes.
    """
    token, expires_at = await tokens.issue(wanted.installation_id, signed)
    return TokenView(token=token, expires_at=expires_at)
