"""The way to Postgres: URLs and TLS, engines, units of work, health.

Services use ``Database.read`` and ``Database.write``; see ``cathouse.database.units``.
"""

from cathouse.database.audit import record_event, record_events
from cathouse.database.batching import BatchLoader
from cathouse.database.budget import SHARES, Share
from cathouse.database.companions import Companion, accompanied_by
from cathouse.database.constraints import broken_constraint
from cathouse.database.due import DueRows
from cathouse.database.errors import (
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    OutcomeUnknownError,
    PoolExhaustedError,
)
from cathouse.database.health import DatabaseHealth, HealthProbe
from cathouse.database.idleness import Idleness
from cathouse.database.kept_answers import (
    AnsweredBeforeError,
    IdempotencyKeyInUseError,
    IdempotencyKeyReusedError,
    KeptAnswer,
    KeyedRequest,
    remove_answers_to,
    remove_old_answers,
)
from cathouse.database.portions import change_portion, write_portions
from cathouse.database.retention import Retention
from cathouse.database.rows import AnyRow, AnySelect, newest_first
from cathouse.database.settings import DatabaseSettings, MigrationSettings
from cathouse.database.units import Database, Unit
from cathouse.database.urls import DatabaseUrl
from cathouse.database.usage import Usage, current_usage, measured
from cathouse.database.worker import Worker

__all__ = [
    "SHARES",
    "AnsweredBeforeError",
    "AnyRow",
    "AnySelect",
    "BatchLoader",
    "Companion",
    "Database",
    "DatabaseFullError",
    "DatabaseHealth",
    "DatabaseReadOnlyError",
    "DatabaseSettings",
    "DatabaseUnavailableError",
    "DatabaseUrl",
    "DueRows",
    "HealthProbe",
    "IdempotencyKeyInUseError",
    "IdempotencyKeyReusedError",
    "Idleness",
    "KeptAnswer",
    "KeyedRequest",
    "MigrationSettings",
    "OutcomeUnknownError",
    "PoolExhaustedError",
    "Retention",
    "Share",
    "Unit",
    "Usage",
    "Worker",
    "accompanied_by",
    "broken_constraint",
    "change_portion",
    "current_usage",
    "measured",
    "newest_first",
    "record_event",
    "record_events",
    "remove_answers_to",
    "remove_old_answers",
    "write_portions",
]
