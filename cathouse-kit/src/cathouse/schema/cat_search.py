"""Owner: catalog-service. Readers: nobody else."""

import datetime as dt
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import ColumnElement, DateTime, ForeignKey, Index, Integer, String, Text, func, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, foreign, owned_by

EMBEDDING_DIMENSIONS = 1024
"""The width of the column. A model with fewer dimensions is padded with zeros: cosine distance does not change."""

SEARCH_CONFIGURATION = "simple"
"""Postgres's text search configuration: no stemming, since descriptions come in every language."""


def fold(text: str) -> str:
    """Without case and accents, so that "Café" is found by "cafe"; for what is stored and for what is asked."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def search_document(*, name: str, tags: Sequence[str], description: str, developer: str) -> ColumnElement[Any]:
    """What ``document`` holds of a cat: its name weighs most, then its tags, its description, its developer's name."""
    parts = ((name, "A"), (" ".join(tags), "B"), (description, "C"), (developer, "D"))
    first, *others = (
        func.setweight(func.to_tsvector(SEARCH_CONFIGURATION, fold(text)), literal_column(f"'{weight}'"))
        for text, weight in parts
    )
    document: ColumnElement[Any] = first
    for other in others:
        document = document.op("||")(other)
    return document


class CatSearch(Base):
    """What search reads of a cat, kept apart so that a popular cat's counters do not rewrite its text."""

    __tablename__ = "cat_search"

    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"), primary_key=True)
    document: Mapped[str] = mapped_column(TSVECTOR)
    trigrams: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    popularity: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    embedding: Mapped[list[float] | None] = mapped_column(Vector(EMBEDDING_DIMENSIONS))
    embedding_model: Mapped[str | None] = mapped_column(String(120))
    updated_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index(None, "document", postgresql_using="gin"),
        Index(None, "trigrams", postgresql_using="gin"),
        Index(None, "popularity", "cat_id"),
        Index(None, "embedding", postgresql_using="hnsw", postgresql_ops={"embedding": "vector_cosine_ops"}),
        owned_by("catalog"),
    )
