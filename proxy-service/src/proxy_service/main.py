"""proxy-service as an application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from cathouse.database import Database
from cathouse.identity import KeyUse
from cathouse.web import ServiceClient, build_app, parse_rates
from proxy_service.deliveries.routes import router as deliveries
from proxy_service.deliveries.service import ChallengeService, DeliveryService
from proxy_service.egress.breakers import Breakers
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.resolver import GuardedResolver
from proxy_service.external.routes import router as external
from proxy_service.external.service import ExternalService
from proxy_service.interactions.routes import router as interactions
from proxy_service.interactions.service import InteractionService
from proxy_service.messages.callbacks import Callbacks
from proxy_service.messages.messenger import Messenger
from proxy_service.pings.routes import router as pings
from proxy_service.pings.service import PingService
from proxy_service.reports import InteractionReporter
from proxy_service.settings import ProxySettings
from proxy_service.tokens.routes import router as tokens
from proxy_service.tokens.service import TokenService

REPORT_TIMEOUT_S = 10.0


def create_app(settings: ProxySettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        installation_url, proxy_url = settings.callback_urls()
        async with AsyncExitStack() as stack:
            installation = ServiceClient.from_settings(
                settings,
                caller="proxy",
                callee="installation",
                url=settings.installation_url,
                timeout_s=REPORT_TIMEOUT_S,
            )
            stack.push_async_callback(installation.close)
            reporter = InteractionReporter(installation, database.idleness)
            reporter.start()
            stack.push_async_callback(reporter.close)
            resolver = GuardedResolver(allow_private=settings.allow_private_endpoints, servers=settings.dns_servers)
            outside = OutsideClient(settings.outside_urls(), resolver)
            stack.push_async_callback(outside.close)
            signing_keys = settings.keyring(KeyUse.CAT_SIGNING, "proxy")
            callbacks = Callbacks(
                settings.keyring(KeyUse.CALLBACK_TOKENS, "proxy"),
                installation_url=installation_url,
                proxy_url=proxy_url,
            )
            messenger = Messenger(outside, signing_keys=signing_keys, callbacks=callbacks)
            breakers = Breakers()
            limiter = await settings.limiter("proxy")
            stack.push_async_callback(limiter.close)
            interaction_service = InteractionService(
                database,
                messenger,
                reporter,
                breakers=breakers,
                limiter=limiter,
                rates=parse_rates(settings.limit_interactions),
            )
            yield {
                "readings": (*reporter.readings(), *breakers.readings(), *interaction_service.readings()),
                "limiter": limiter,
                "challenges": ChallengeService(database, messenger),
                "deliveries": DeliveryService(database, messenger, breakers),
                "pings": PingService(database, messenger, limiter),
                "tokens": TokenService(database, signing_keys=signing_keys, callbacks=callbacks, limiter=limiter),
                "external": ExternalService(
                    database,
                    outside,
                    reporter,
                    secret_keys=settings.keyring(KeyUse.PLAYER_SECRETS, "proxy"),
                    urls=settings.outside_urls(),
                    limiter=limiter,
                    rates=parse_rates(settings.limit_external_calls),
                ),
                "interactions": interaction_service,
            }

    return build_app(
        "proxy",
        settings,
        title="Cat House: proxy-service",
        description="The only door to the outside: interactions with cats, and what they are told.",
        routers=(interactions, external, tokens, pings, deliveries),
        provide=provide,
        callback_keys=settings.keyring(KeyUse.CALLBACK_TOKENS, "proxy"),
        caller_keys={
            "catalog": settings.keyring(KeyUse.CATALOG_TO_PROXY, "proxy"),
            "installation": settings.keyring(KeyUse.INSTALLATION_TO_PROXY, "proxy"),
        },
    )
