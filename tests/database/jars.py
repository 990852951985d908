"""A way to the database, and what is in the table `jar`."""

from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, text

from cathouse.database import (
    DatabaseSettings,
    DatabaseUrl,
)


def settings(url: DatabaseUrl, **changes: Any) -> DatabaseSettings:
    return DatabaseSettings(**{"_env_file": None, "database_url": SecretStr(url.for_libpq()), **changes})


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM jar")) or 0)
