"""The database of a stack: the embedded one or one that was named, brought up to date and seeded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cathouse.configuration import ConfigurationError
from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.postgres import EmbeddedPostgres
from cathouse.local.seed import seed
from cathouse.local.settings import StackSettings
from cathouse.local.state import LocalState
from cathouse.upkeep.creation import make_database
from cathouse.upkeep.migrations import upgrade
from cathouse.upkeep.roles import make_login_roles
from cathouse.web import SERVICES

DATABASE_NAME = "cathouse"
NOT_SEEDED = "not seeding: the seeded passwords are public and the database is not on this machine (SEED=1 does it)"
"""What is said where :func:`may_seed` says no."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Databases:
    """Where migrations go, and where each service does."""

    migration: DatabaseUrl
    services: Mapping[str, DatabaseUrl]


def embedded_databases(server: EmbeddedPostgres, state: LocalState, progress: Progress) -> Databases:
    """Those of a server of our own, which runs.

    Raises:
        ConfigurationError: when they cannot be made or migrated.
    """
    url = server.url(DATABASE_NAME)
    make_database(server.url(), DATABASE_NAME)
    _migrate(url, progress)
    passwords: dict[str, str] = {service: state.secret(f"POSTGRES_PASSWORD_{service.upper()}") for service in SERVICES}
    return Databases(url, make_login_roles(url, passwords=passwords))


def named_databases(settings: StackSettings, progress: Progress) -> Databases:
    """The one that DATABASE_URL names, for all services alike.

    Raises:
        ConfigurationError: when a URL is unusable, or the database cannot be migrated.
    """
    try:
        url = settings.url()
        migration = DatabaseUrl.parse(settings.migration_database_url) if settings.migration_database_url else url
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if migration.pooler != "none":
        raise ConfigurationError("MIGRATION_DATABASE_URL is not set: the database's direct (not pooled) URL is needed")
    progress(f"using the database {url!r}; all services share one login, so ownership of tables is not enforced by it")
    _migrate(migration, progress)
    return Databases(migration, dict.fromkeys(SERVICES, url))


def _migrate(url: DatabaseUrl, progress: Progress) -> None:
    progress("bringing the database's structure up to date")
    upgrade(url)


def may_seed(settings: StackSettings, url: DatabaseUrl) -> bool:
    """Whether the seed may be written: into a database on this machine, into another one with SEED=1 alone."""
    return url.is_local or settings.seed


def seed_if_ours(settings: StackSettings, url: DatabaseUrl, demo_cat_url: str, progress: Progress) -> None:
    """Seed a database where that may be, and say so where not."""
    if not may_seed(settings, url):
        progress(NOT_SEEDED)
        return
    new = seed(make_migration_engine(url), demo_cat_url=demo_cat_url, environment=settings.environment)
    if new.users or new.cats or new.tasks:
        progress(f"seeded {new.users} accounts, {new.cats} cats, {new.tasks} tasks")
