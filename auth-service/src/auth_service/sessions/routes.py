"""Logging in and out over HTTP."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import ValidationError

from auth_service.accounts.errors import InvalidCredentialsError
from auth_service.from_client import FromClient
from auth_service.sessions.schemas import Login, PasswordForm, RefreshRequest, SessionView, Tokens
from auth_service.sessions.service import SessionService
from cathouse.identity import CurrentPlayer, public
from cathouse.identity.access import TOKEN_PATH
from cathouse.web import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, limited_by_address, provided, view_of

router = APIRouter(tags=["sessions"])

Sessions = Annotated[SessionService, provided("sessions")]


@router.post("/api/v1/auth/login", dependencies=[public, limited_by_address("logins")])
async def log_in(login: Login, client: FromClient, sessions: Sessions) -> Tokens:
    """Log in with e-mail and password, and the code of the second factor where there is one."""
    return await sessions.log_in(login, client)


@router.post(TOKEN_PATH, dependencies=[public, limited_by_address("logins")])
async def issue_token(form: Annotated[PasswordForm, Form()], client: FromClient, sessions: Sessions) -> Tokens:
    """The same for OAuth2's password form: the Authorize button of the documentation pages uses it."""
    try:
        login = Login(email=form.username, password=form.password)
    except ValidationError:
        raise InvalidCredentialsError from None
    return await sessions.log_in(login, client)


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


@router.get("/api/v1/sessions")
async def list_sessions(
    person: CurrentPlayer, sessions: Sessions, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[SessionView]:
    """Where the caller is logged in, newest first."""
    keyset = Keyset.read(cursor, limit=limit, filters={}, types=(dt.datetime, uuid.UUID))
    rows, next_cursor = await sessions.list(person, keyset)
    return Page[SessionView](items=[view_of(SessionView, row) for row in rows], next_cursor=next_cursor)


@router.delete("/api/v1/sessions/{session_id}", status_code=204)
async def end_session(session_id: uuid.UUID, person: CurrentPlayer, sessions: Sessions) -> None:
    """Log out on that device. Its access token ends by itself within ten minutes."""
    await sessions.end(person.user_id, session_id)
