"""The structure as the models say it, without the migrations: what those are compared with."""

from sqlalchemy import Connection, text

from cathouse.schema import SCHEMA, Base
from cathouse.schema.ownership import VERSION_TABLE, grant_statements, role_statements, trigger_statements
from cathouse.upkeep.structure import Structure, read_structure


def structure_of_models(connection: Connection) -> Structure:
    """Build everything from the models in the connection's database, which is used up by it, and look at it.

    What is in the schema ``cathouse`` there is dropped, with all data: give it a copy.
    """
    connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    connection.execute(
        text(
            f"CREATE TABLE {SCHEMA}.{VERSION_TABLE}"
            f" (version_num varchar(32) NOT NULL CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY)"
        )
    )
    Base.metadata.create_all(connection)
    for statement in (*role_statements(), *grant_statements(), *trigger_statements()):
        connection.execute(text(statement))
    return read_structure(connection)
