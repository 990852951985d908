"""The way to Postgres: URLs and TLS, engines, units of work, health.

Services use ``Database.read`` and ``Database.write``; see ``cathouse.database.units``.
"""

from cathouse.database.audit import record_event
from cathouse.database.batching import BatchLoader
from cathouse.database.budget import SHARES, Share
from cathouse.database.constraints import broken_constraint
from cathouse.database.errors import DatabaseUnavailableError, OutcomeUnknownError, PoolExhaustedError
from cathouse.database.health import DatabaseHealth, HealthProbe
from cathouse.database.rows import AnyRow, AnySelect
from cathouse.database.settings import DatabaseSettings, MigrationSettings
from cathouse.database.units import Database, Unit
from cathouse.database.urls import DatabaseUrl

__all__ = [
    "SHARES",
    "AnyRow",
    "AnySelect",
    "BatchLoader",
    "Database",
    "DatabaseHealth",
    "DatabaseSettings",
    "DatabaseUnavailableError",
    "DatabaseUrl",
    "HealthProbe",
    "MigrationSettings",
    "OutcomeUnknownError",
    "PoolExhaustedError",
    "Share",
    "Unit",
    "broken_constraint",
    "record_event",
]
