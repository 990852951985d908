"""Logging in and out over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import ValidationError

from auth_service.sessions.errors import InvalidCredentialsError
from auth_service.sessions.schemas import Login, RefreshRequest, Tokens
from auth_service.sessions.service import Client, SessionService
from cathouse.identity import CurrentPlayer, public
from cathouse.identity.access import TOKEN_PATH
from cathouse.web import provided

router = APIRouter(tags=["sessions"])

Sessions = Annotated[SessionService, provided("sessions")]


@router.post("/api/v1/auth/login", dependencies=[public])
async def log_in(login: Login, request: Request, sessions: Sessions) -> Tokens:
    """Log in with e-mail and password."""
    return await sessions.log_in(login, _client(request))


@router.post(TOKEN_PATH, dependencies=[public])
async def issue_token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()], request: Request, sessions: Sessions
) -> Tokens:
    """The same for OAuth2's password form: the Authorize button of the documentation pages uses it."""
    try:
        login = Login(email=form.username, password=form.password)
    except ValidationError:
        raise InvalidCredentialsError from None
    return await sessions.log_in(login, _client(request))


@router.post("/api/v1/auth/refresh", dependencies=[public])
async def refresh(body: RefreshRequest, sessions: Sessions) -> Tokens:
    """A new access token and a new refresh token; the old one is spent (30 seconds of grace for lost answers)."""
    return await sessions.refresh(body.refresh_token)


@router.post("/api/v1/auth/logout", status_code=204, dependencies=[public])
async def log_out(body: RefreshRequest, sessions: Sessions) -> None:
    """End this session. Needs no access token; repeating it is no error."""
    await sessions.log_out(body.refresh_token)


@router.post("/api/v1/auth/logout-all", status_code=204)
async def log_out_everywhere(person: CurrentPlayer, sessions: Sessions) -> None:
    """End every session of the caller. Access tokens end by themselves within ten minutes."""
    await sessions.log_out_everywhere(person.user_id)


def _client(request: Request) -> Client:
    return Client(user_agent=request.headers.get("user-agent"), ip=request.client.host if request.client else None)
