"""catalog-service as an application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from catalog_service.cats.routes import router as cats
from catalog_service.cats.service import CatService
from catalog_service.moderation.routes import router as moderation
from catalog_service.moderation.service import ModerationService
from catalog_service.search.routes import router as search
from catalog_service.search.service import SearchService
from catalog_service.settings import CatalogSettings
from catalog_service.signing_secrets.routes import router as signing_secrets
from catalog_service.signing_secrets.service import SigningSecretService
from cathouse.database import Database
from cathouse.identity import KeyUse
from cathouse.web import ServiceClient, build_app

CHALLENGE_TIMEOUT_S = 30.0
"""proxy-service gives up by itself after 25 s at most."""


def create_app(settings: CatalogSettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        signing_keys = settings.keyring(KeyUse.CAT_SIGNING, "catalog")
        proxy = ServiceClient(
            caller="catalog",
            callee="proxy",
            base_url=str(settings.proxy_url),
            keys=settings.keyring(KeyUse.CATALOG_TO_PROXY, "catalog"),
            timeout_s=CHALLENGE_TIMEOUT_S,
        )
        try:
            yield {
                "cats": CatService(database, proxy, signing_keys, settings.outside_urls()),
                "search": SearchService(database),
                "moderation": ModerationService(database),
                "signing_secrets": SigningSecretService(database, signing_keys),
            }
        finally:
            await proxy.close()

    return build_app(
        "catalog",
        settings,
        title="Cat House: catalog-service",
        description="What there is: cats, releases, permissions, search.",
        routers=(search, cats, signing_secrets, moderation),
        provide=provide,
    )
