"""The declarative base, the columns that every entity has, and the marks of ownership."""

import datetime as dt
import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, FetchedValue, MetaData, func, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "cathouse"

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """Base of all models. Relationships are ``lazy="raise"``: what is used is loaded on purpose."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING)
    # Values that the database makes come back with the statement itself: async code cannot fetch them later.
    __mapper_args__: Any = {"eager_defaults": True}  # noqa: RUF012 - read once, when a class is made


class Identified:
    """An ``id`` made by the client, or by the database for rows written in plain SQL."""

    id: Mapped[uuid.UUID] = mapped_column(
        UUID(as_uuid=True),
        primary_key=True,
        default=uuid.uuid4,
        server_default=text("gen_random_uuid()"),
        sort_order=-3,
    )


class Timestamped:
    """When the row was made and last changed. A trigger moves ``updated_at``, so plain SQL moves it as well."""

    created_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), sort_order=90)
    updated_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), server_onupdate=FetchedValue(), sort_order=91
    )


class Entity(Identified, Timestamped):
    """The mixin of most tables: UUID id, created_at, updated_at."""


ALL_COLUMNS: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who may do what with a table; the grants in the database are made from this.

    ``owner`` reads and writes. ``readers`` maps a service to the columns that it may read. ``inserters`` may
    add rows and nothing else. ``sharers`` are further services that read and write like the owner.
    ``append_only`` takes UPDATE and DELETE from everybody.
    """

    owner: str
    readers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inserters: tuple[str, ...] = ()
    sharers: tuple[str, ...] = ()
    append_only: bool = False


def owned_by(owner: str, **rights: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on to Ownership, which types them
    """The closing member of ``__table_args__`` that says whose table this is."""
    return {"info": {"ownership": Ownership(owner, **rights)}}


def one_of(column: str, values: type[enum.StrEnum]) -> CheckConstraint:
    """The CHECK that keeps an enumerated VARCHAR column to its values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def foreign(column: str) -> str:
    """The name of another table's column inside our schema, as ``ForeignKey`` wants it."""
    return f"{SCHEMA}.{column}"
