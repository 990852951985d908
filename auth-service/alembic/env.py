"""How migrations run: directly, without a pool, one transaction a revision, one migrator at a time."""

import logging
import time
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cathouse.configuration import ConfigurationError, load
from cathouse.database.settings import MigrationSettings
from cathouse.database.urls import DatabaseUrl
from cathouse.schema import SCHEMA, Base
from cathouse.upkeep.direct import connect, first_line, let_signals_through
from cathouse.upkeep.revisions import current_revision

LOCK = 7_214_902_385_117_001
"""The advisory lock of all migrators of this database; any fixed number will do."""

LOCK_TIMEOUT_S = 300

_LOCK_NOT_AVAILABLE = "55P03"
_BROKEN_INDEXES = text(
    """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND NOT x.indisvalid
      AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)
    """
)

config = context.config
log = logging.getLogger("alembic.env")

if config.config_file_name is not None and config.attributes.get("configure_logger", True):
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def database_url() -> DatabaseUrl:
    """The direct URL: given by the program that runs Alembic, or the environment's."""
    given = config.attributes.get("url")
    if isinstance(given, DatabaseUrl):
        return given
    try:
        return load(MigrationSettings).url()
    except (ConfigurationError, ValueError) as error:
        raise CommandError(str(error)) from None


def include_name(name: str | None, type_: str, _parent_names: object) -> bool:
    """Look at our own schema and at nothing else in the database."""
    return type_ != "schema" or name == SCHEMA


def configure(**arguments: object) -> None:
    """What online and offline runs have in common."""
    context.configure(
        target_metadata=Base.metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=include_name,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        **arguments,
    )


def run_offline() -> None:
    """Write the SQL instead of running it: ``alembic upgrade head --sql``."""
    configure(url="postgresql://", literal_binds=True, dialect_opts={"paramstyle": "named"})
    context.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    with context.begin_transaction():
        context.run_migrations()


def wait_for_turn(connection: Connection) -> None:
    """Hold the migrators' lock on this very connection.

    Tried again and again rather than waited for: a session that waits inside a lock call holds a snapshot, and
    CREATE INDEX CONCURRENTLY of the one that migrates would wait for it, forever (measured).
    """
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    is_told = False
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        if time.monotonic() > deadline:
            raise CommandError(f"another migration has been running for {LOCK_TIMEOUT_S} seconds; see pg_stat_activity")
        if not is_told:
            log.info("another migration is running; waiting for it")
            is_told = True
        time.sleep(0.5)


def check_encoding(connection: Connection, url: DatabaseUrl) -> None:
    """Refuse a database that cannot keep every name: SQL_ASCII takes any bytes and gives them back as they came."""
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise CommandError(
            f"the database {url!r} is encoded as {encoding}; UTF8 is needed:"
            f" CREATE DATABASE {url.name} ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
        )


def drop_broken_indexes(connection: Connection) -> None:
    """Remove what an interrupted CREATE INDEX CONCURRENTLY left: nobody can use it, and its name is taken."""
    for index in connection.scalars(_BROKEN_INDEXES, {"schema": SCHEMA}).all():
        log.warning("dropping the index %s, which an interrupted migration left invalid", index)
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {index}"))


def explain(error: DBAPIError, connection: Connection, url: DatabaseUrl) -> str:
    """What happened, where the database stands, and what to do."""
    # Without the DETAIL that follows: it holds values of rows.
    reason = first_line(error)
    if connection.invalidated or connection.closed:
        return f"the connection to {url!r} broke while migrating: {reason}. Run the same command again"
    connection.rollback()
    advice = "Mend the revision or the data, and run the same command again"
    if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
        advice = "Somebody holds the table (see pg_stat_activity for long transactions); run the same command again"
    return f"the migration failed: {reason}. The database stands at revision {current_revision(connection)}. {advice}"


def run_online() -> None:
    """Migrate the database that the environment names."""
    url = database_url()
    let_signals_through()
    try:
        with connect(url, autocommit=True) as connection:
            migrate(connection, url)
    except ConfigurationError as error:
        raise CommandError(str(error)) from None


def migrate(connection: Connection, url: DatabaseUrl) -> None:
    """Run the revisions, alone, on a connection in AUTOCOMMIT."""
    check_encoding(connection, url)
    wait_for_turn(connection)
    try:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        drop_broken_indexes(connection)
        connection.commit()
        # Leave AUTOCOMMIT: from here Alembic opens one transaction for each revision.
        connection = connection.execution_options(isolation_level="READ COMMITTED")
        configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
    except DBAPIError as error:
        raise CommandError(explain(error, connection, url)) from error
    except RuntimeError as error:  # a revision that cannot do its work, and says what would help
        raise CommandError(str(error)) from error
    finally:
        if not connection.invalidated and not connection.closed:
            if connection.in_transaction():
                connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
