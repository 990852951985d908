"""Removing what has had its time."""

from functools import partial

from auth_service.retention import repository
from cathouse.database import Database, Retention


def make_retention(database: Database) -> Retention:
    """What removes the rows of auth-service that do not stay."""
    return Retention(
        database,
        {model.__tablename__: partial(repository.remove_portion, model=model) for model in repository.PASSING},
    )
