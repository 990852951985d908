"""Is the service alive, is its database well, may it be sent requests?"""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from cathouse import __version__
from cathouse.database import Database, DatabaseHealth, HealthProbe
from cathouse.identity import public
from cathouse.web.contract.generators import EVERY_SERVICES_TAG
from cathouse.web.provided import provided

Probe = Annotated[HealthProbe, provided("health_probe")]
TheDatabase = Annotated[Database, provided("database")]


class Alive(BaseModel):
    """That the process answers."""

    status: Literal["alive"]
    service: str
    version: str


class PoolState(BaseModel):
    """The connections of this process."""

    size: int
    max: int
    in_use: int
    waiting: int


class DatabaseState(BaseModel):
    """What the last probe of the database found, and how long ago."""

    status: Literal["healthy", "unhealthy"]
    database: str | None
    server_version: str | None
    vector_version: str | None
    pool: PoolState
    latency_ms: float | None
    age_ms: float | None


class Readiness(BaseModel):
    """Whether the service should be sent requests, and why not."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]


class Health(BaseModel):
    """The inner part of ``/api/v1/health``."""

    status: Literal["healthy", "unhealthy"]
    database: Literal["connected", "disconnected"]
    migration: Literal["up-to-date", "out-of-date"] | None


class HealthEnvelope(BaseModel):
    """The status code again, and what it is about."""

    status_code: int
    data: Health


def health_router(service: str) -> APIRouter:
    """The four health calls; each answers within a moment, whatever the database does."""
    router = APIRouter(tags=[EVERY_SERVICES_TAG], dependencies=[public])

    @router.get("/health")
    async def read_liveness() -> Alive:
        """The process answers. Never touches the database."""
        return Alive(status="alive", service=service, version=__version__)

    @router.get("/health/db", responses={503: {"model": DatabaseState}})
    async def read_database_health(probe: Probe, database: TheDatabase, response: Response) -> DatabaseState:
        """A fresh look at the database, or the last one with its age. It wakes a database that has suspended."""
        health = await probe.check()
        _set_status(response, health)
        found = asdict(health)
        del found["migration"]
        return DatabaseState(**found, pool=PoolState(**database.pool_state()))

    @router.get("/health/ready", responses={503: {"model": Readiness}})
    async def read_readiness(probe: Probe, response: Response) -> Readiness:
        """Whether to send requests here. A service that serves nobody answers from its last look at the database."""
        health = await probe.look()
        _set_status(response, health)
        checks: dict[str, str] = {"database": health.status, "migration": health.migration or "unknown"}
        return Readiness(status="ready" if health.status == "healthy" else "not ready", checks=checks)

    @router.get("/api/v1/health", responses={503: {"model": HealthEnvelope}})
    async def read_health(probe: Probe, response: Response) -> HealthEnvelope:
        """The service, its database and its migrations in one answer."""
        health = await probe.look()
        _set_status(response, health)
        healthy = health.status == "healthy"
        data = Health(
            status=health.status, database="connected" if healthy else "disconnected", migration=health.migration
        )
        return HealthEnvelope(status_code=200 if healthy else 503, data=data)

    return router


def _set_status(response: Response, health: DatabaseHealth) -> None:
    if health.status != "healthy":
        response.status_code = 503
        response.headers["Retry-After"] = "2"
