"""catalog-service as an application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from catalog_service.cats.routes import router as cats
from catalog_service.cats.service import CatService
from catalog_service.embeddings.service import EmbeddingService
from catalog_service.erasures.routes import router as erasures
from catalog_service.erasures.service import ErasureService
from catalog_service.moderation.routes import router as moderation
from catalog_service.moderation.service import ModerationService
from catalog_service.publications.routes import router as publications
from catalog_service.publications.service import PublicationService
from catalog_service.release_drafts.routes import router as release_drafts
from catalog_service.release_drafts.service import ReleaseDraftService
from catalog_service.reports.routes import router as reports
from catalog_service.reports.service import ReportService
from catalog_service.search.routes import router as search
from catalog_service.search.service import SearchService
from catalog_service.search_index.renewal import SearchRenewal
from catalog_service.settings import CatalogSettings
from catalog_service.signing_secrets.routes import router as signing_secrets
from catalog_service.signing_secrets.service import SigningSecretService
from catalog_service.similar.routes import router as similar
from catalog_service.similar.service import SimilarService
from catalog_service.stats.routes import router as stats
from catalog_service.stats.service import StatsService
from cathouse.database import Database, Retention, remove_old_answers
from cathouse.identity import KeyUse
from cathouse.web import ServiceClient, build_app, work_readings

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
        proxy = ServiceClient.from_settings(
            settings, caller="catalog", callee="proxy", url=settings.proxy_url, timeout_s=CHALLENGE_TIMEOUT_S
        )
        outside_urls = settings.outside_urls()
        embeddings = EmbeddingService(database, settings.embedder())
        renewal = SearchRenewal(database)
        retention = Retention(database, {"idempotency_keys": partial(remove_old_answers, service="catalog")})
        async with AsyncExitStack() as stack:
            stack.push_async_callback(proxy.close)
            for each in (embeddings, renewal, retention):
                each.start()
                stack.push_async_callback(each.close)
            yield {
                "readings": work_readings((embeddings.worker, renewal.worker, retention.worker), {}),
                "cats": CatService(database, embeddings, signing_keys, outside_urls),
                "release_drafts": ReleaseDraftService(database, outside_urls),
                "publications": PublicationService(database, proxy, embeddings, outside_urls),
                "reports": ReportService(database),
                "search": SearchService(database, embeddings),
                "similar": SimilarService(database),
                "moderation": ModerationService(database),
                "stats": StatsService(database),
                "signing_secrets": SigningSecretService(database, signing_keys),
                "erasures": ErasureService(database),
            }

    return build_app(
        "catalog",
        settings,
        title="Cat House: catalog-service",
        description="What there is: cats, releases, permissions, search.",
        routers=(
            search,
            similar,
            cats,
            publications,
            release_drafts,
            signing_secrets,
            stats,
            reports,
            moderation,
            erasures,
        ),
        provide=provide,
        caller_keys={"auth": settings.keyring(KeyUse.AUTH_TO_CATALOG, "catalog")},
    )
