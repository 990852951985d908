"""installation-service as an application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from cathouse.database import Database, Retention, remove_old_answers
from cathouse.identity import KeyUse, SecretWrapper
from cathouse.web import ServiceClient, build_app, work_readings
from installation_service.activity.repository import remove_old_interactions, remove_old_uses
from installation_service.activity.routes import router as activity
from installation_service.activity.service import ActivityService
from installation_service.activity.uses import GatheredUses
from installation_service.developers.routes import router as developers
from installation_service.developers.service import DeveloperService
from installation_service.erasures.routes import router as erasures
from installation_service.erasures.service import ErasureService
from installation_service.grants.routes import router as grants
from installation_service.grants.service import GrantService
from installation_service.installations.routes import for_cats as cats_installation
from installation_service.installations.routes import router as installations
from installation_service.installations.service import InstallationService
from installation_service.lifecycle.repository import remove_old as remove_old_events
from installation_service.lifecycle.service import LifecycleService
from installation_service.new_installations.routes import router as new_installations
from installation_service.new_installations.service import NewInstallationService
from installation_service.notifications.mails import NotificationMails
from installation_service.notifications.routes import router as notifications
from installation_service.notifications.service import NotificationService
from installation_service.notifications.streams import NotificationStreams
from installation_service.purges.service import purge
from installation_service.secrets.routes import router as secrets
from installation_service.secrets.service import SecretService
from installation_service.settings import InstallationSettings
from installation_service.storage.routes import router as storage
from installation_service.storage.service import StorageService
from installation_service.suspensions.routes import router as suspensions
from installation_service.suspensions.service import SuspensionService
from installation_service.tasks.routes import router as tasks
from installation_service.tasks.service import TaskService
from installation_service.upgrades.routes import router as upgrades
from installation_service.upgrades.service import UpgradeService

MAIL_TIMEOUT_S = 10.0

DELIVERY_TIMEOUT_S = 40.0
"""proxy-service gives up by itself after 25 s at most, and may wait for the database before."""


def create_app(settings: InstallationSettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        wrapper = SecretWrapper(settings.keyring(KeyUse.PLAYER_SECRETS, "installation"))
        proxy = ServiceClient.from_settings(
            settings, caller="installation", callee="proxy", url=settings.proxy_url, timeout_s=DELIVERY_TIMEOUT_S
        )
        auth = ServiceClient.from_settings(
            settings, caller="installation", callee="auth", url=settings.auth_url, timeout_s=MAIL_TIMEOUT_S
        )
        retention = Retention(
            database,
            {
                "idempotency_keys": partial(remove_old_answers, service="installation"),
                "interactions": remove_old_interactions,
                "permission_uses": remove_old_uses,
                "lifecycle_events": remove_old_events,
                "installations": purge,
            },
        )
        uses = GatheredUses(database)
        lifecycle = LifecycleService(database, proxy)
        streams = NotificationStreams(database, replicas=settings.replicas)
        mails = NotificationMails(database, auth)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(auth.close)
            stack.push_async_callback(proxy.close)
            for each in (retention, uses, lifecycle, streams, mails):
                each.start()
                stack.push_async_callback(each.close)
            yield {
                "readings": (
                    *streams.readings(),
                    *uses.readings(),
                    *work_readings(
                        (retention.worker, lifecycle.worker, mails.worker),
                        {"lifecycle_events": lifecycle.due, "notification_mails": mails.due},
                    ),
                ),
                "installations": InstallationService(database, lifecycle),
                "new_installations": NewInstallationService(database, proxy, wrapper, lifecycle),
                "upgrades": UpgradeService(database, wrapper, lifecycle),
                "grants": GrantService(database, lifecycle),
                "secrets": SecretService(database, wrapper),
                "suspensions": SuspensionService(database, lifecycle),
                "developers": DeveloperService(database, lifecycle),
                "storage": StorageService(database, uses),
                "notifications": NotificationService(database, streams, mails),
                "notification_streams": streams,
                "tasks": TaskService(database, uses),
                "activity": ActivityService(database),
                "erasures": ErasureService(database, lifecycle),
            }

    return build_app(
        "installation",
        settings,
        title="Cat House: installation-service",
        description="What you have: installations, grants, storage, notifications, tasks.",
        routers=(
            new_installations,
            installations,
            cats_installation,
            upgrades,
            grants,
            secrets,
            storage,
            notifications,
            tasks,
            activity,
            developers,
            suspensions,
            erasures,
        ),
        provide=provide,
        callback_keys=settings.keyring(KeyUse.CALLBACK_TOKENS, "installation"),
        caller_keys={
            "auth": settings.keyring(KeyUse.AUTH_TO_INSTALLATION, "installation"),
            "proxy": settings.keyring(KeyUse.PROXY_TO_INSTALLATION, "installation"),
        },
    )
