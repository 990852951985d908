"""proxy-service as an application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from cathouse.database import Database
from cathouse.identity import KeyUse
from cathouse.web import ServiceClient, build_app
from proxy_service.deliveries.callbacks import Callbacks
from proxy_service.deliveries.routes import router as deliveries
from proxy_service.deliveries.service import ChallengeService, DeliveryService
from proxy_service.egress.client import OutsideClient
from proxy_service.interactions.reports import InteractionReporter
from proxy_service.interactions.routes import router as interactions
from proxy_service.interactions.service import InteractionService
from proxy_service.settings import ProxySettings

REPORT_TIMEOUT_S = 10.0


def create_app(settings: ProxySettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        signing_keys = settings.keyring(KeyUse.CAT_SIGNING, "proxy")
        installation_url, proxy_url = settings.callback_urls()
        callbacks = Callbacks(
            settings.keyring(KeyUse.CALLBACK_TOKENS, "proxy"), installation_url=installation_url, proxy_url=proxy_url
        )
        async with AsyncExitStack() as stack:
            installation = ServiceClient(
                caller="proxy",
                callee="installation",
                base_url=str(settings.installation_url),
                keys=settings.keyring(KeyUse.PROXY_TO_INSTALLATION, "proxy"),
                timeout_s=REPORT_TIMEOUT_S,
            )
            stack.push_async_callback(installation.close)
            reporter = InteractionReporter(installation, database.idleness)
            reporter.start()
            stack.push_async_callback(reporter.close)
            outside = OutsideClient(settings.outside_urls())
            stack.push_async_callback(outside.close)
            yield {
                "challenges": ChallengeService(database, outside, signing_keys),
                "deliveries": DeliveryService(database, outside, signing_keys=signing_keys, callbacks=callbacks),
                "interactions": InteractionService(
                    database, outside, reporter, signing_keys=signing_keys, callbacks=callbacks
                ),
            }

    settings.check_keys("proxy")
    return build_app(
        "proxy",
        settings,
        title="Cat House: proxy-service",
        description="The only door to the outside: interactions with cats, and what they are told.",
        routers=(interactions, deliveries),
        provide=provide,
        callback_keys=settings.keyring(KeyUse.CALLBACK_TOKENS, "proxy"),
        caller_keys={
            "catalog": settings.keyring(KeyUse.CATALOG_TO_PROXY, "proxy"),
            "installation": settings.keyring(KeyUse.INSTALLATION_TO_PROXY, "proxy"),
        },
    )
