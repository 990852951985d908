"""Signing in through Clerk over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from auth_service.clerk.schemas import ClerkExchange
from auth_service.clerk.service import ClerkService
from auth_service.from_client import FromClient
from auth_service.sessions.schemas import Tokens
from cathouse.identity import public
from cathouse.web import limited_by_address, provided

router = APIRouter(prefix="/api/v1/auth", tags=["sessions"])


@router.post("/clerk", dependencies=[public, limited_by_address("logins")])
async def log_in_through_clerk(
    exchange: ClerkExchange, clerk: Annotated[ClerkService, provided("clerk")], client: FromClient
) -> Tokens:
    """Turn a Clerk session token into a session of ours. On first sight an account is made."""
    return await clerk.exchange(exchange, client)
