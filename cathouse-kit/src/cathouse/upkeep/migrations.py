"""Running Alembic from a program: the one history in auth-service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from cathouse.configuration import ConfigurationError
from cathouse.database.urls import DatabaseUrl


def find_alembic_ini(start: Path | None = None) -> Path:
    """auth-service's ``alembic.ini``, looked for in ``start`` (the working directory) and the folders above it.

    Raises:
        ConfigurationError: when there is none: the command was run outside a checkout or auth-service's image.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        for candidate in (folder / "alembic.ini", folder / "auth-service" / "alembic.ini"):
            if candidate.is_file():
                return candidate
    raise ConfigurationError("alembic.ini was not found: run this inside the checkout, or in auth-service's container")


def alembic_config(url: DatabaseUrl | None, *, ini: Path | None = None) -> Config:
    """Alembic's configuration for the database at ``url``, whatever the environment says; None connects to nothing."""
    config = Config(str(ini or find_alembic_ini()))
    config.attributes["url"] = url
    config.attributes["configure_logger"] = False
    return config


def upgrade(url: DatabaseUrl, revision: str = "head", *, ini: Path | None = None) -> None:
    """Bring the database to ``revision``.

    Raises:
        ConfigurationError: saying what failed, where the database stands, and what to do.
    """
    with _told():
        command.upgrade(alembic_config(url, ini=ini), revision)


def downgrade(url: DatabaseUrl, revision: str, *, ini: Path | None = None) -> None:
    """Take the database back to ``revision``.

    Raises:
        ConfigurationError: saying what failed, where the database stands, and what to do.
    """
    with _told():
        command.downgrade(alembic_config(url, ini=ini), revision)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise ConfigurationError(str(error)) from error
