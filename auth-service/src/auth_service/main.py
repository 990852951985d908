"""auth-service as an application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from auth_service.accounts.passwords import Passwords
from auth_service.accounts.routes import router as accounts
from auth_service.accounts.service import AccountService
from auth_service.sessions.routes import router as sessions
from auth_service.sessions.service import SessionService
from auth_service.settings import AuthSettings
from auth_service.signing_keys.routes import router as signing_keys
from auth_service.signing_keys.service import KeyRing
from cathouse.database import Database
from cathouse.web import build_app


def create_app(settings: AuthSettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """
    secrets = settings.jwt_secrets()

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        key_ring = KeyRing(database, secrets)
        passwords = Passwords()
        try:
            yield {
                "public_keys": key_ring,
                "key_ring": key_ring,
                "accounts": AccountService(database, passwords),
                "sessions": SessionService(database, passwords, key_ring, secrets, issuer=settings.token_issuer),
            }
        finally:
            passwords.close()

    return build_app(
        "auth",
        settings,
        title="Cat House: auth-service",
        description="Who you are: accounts, sessions, keys.",
        routers=(accounts, sessions, signing_keys),
        provide=provide,
    )
