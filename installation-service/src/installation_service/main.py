"""installation-service as an application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from cathouse.database import Database, Retention, remove_old_answers
from cathouse.identity import KeyUse
from cathouse.web import build_app
from installation_service.activity.routes import router as activity
from installation_service.activity.service import ActivityService
from installation_service.activity.uses import GatheredUses
from installation_service.erasures.routes import router as erasures
from installation_service.erasures.service import ErasureService
from installation_service.grants.routes import router as grants
from installation_service.grants.service import GrantService
from installation_service.installations.routes import router as installations
from installation_service.installations.service import InstallationService
from installation_service.notifications.routes import router as notifications
from installation_service.notifications.service import NotificationService
from installation_service.secrets.wrapping import SecretWrapper
from installation_service.settings import InstallationSettings
from installation_service.storage.routes import router as storage
from installation_service.storage.service import StorageService
from installation_service.tasks.routes import router as tasks
from installation_service.tasks.service import TaskService


def create_app(settings: InstallationSettings) -> FastAPI:
    """Build the service; nothing is opened before its lifespan starts.

    Raises:
        ValueError: when the settings do not fit together.
    """

    @asynccontextmanager
    async def provide(database: Database) -> AsyncIterator[dict[str, Any]]:
        wrapper = SecretWrapper(settings.keyring(KeyUse.PLAYER_SECRETS, "installation"))
        retention = Retention(database, {"idempotency_keys": partial(remove_old_answers, service="installation")})
        uses = GatheredUses(database)
        retention.start()
        uses.start()
        try:
            yield {
                "installations": InstallationService(database, wrapper),
                "grants": GrantService(database),
                "storage": StorageService(database, uses),
                "notifications": NotificationService(database),
                "tasks": TaskService(database),
                "activity": ActivityService(database),
                "erasures": ErasureService(database),
            }
        finally:
            await uses.close()
            await retention.close()

    settings.check_keys("installation")
    return build_app(
        "installation",
        settings,
        title="Cat House: installation-service",
        description="What you have: installations, grants, storage, notifications, tasks.",
        routers=(installations, grants, storage, notifications, tasks, activity, erasures),
        provide=provide,
        callback_keys=settings.keyring(KeyUse.CALLBACK_TOKENS, "installation"),
        caller_keys={
            "auth": settings.keyring(KeyUse.AUTH_TO_INSTALLATION, "installation"),
            "proxy": settings.keyring(KeyUse.PROXY_TO_INSTALLATION, "installation"),
        },
    )
