"""Owner: catalog-service. Readers: nobody else."""

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Sequence
from functools import reduce
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import SCHEMA, Base, foreign, owned_by

EMBEDDING_DIMENSIONS = 1024
"""The width of the column. A model with fewer dimensions is padded with zeros: cosine distance does not change."""

SEARCH_CONFIGURATION = "simple"
"""Postgres's text search configuration: no stemming, since descriptions come in every language."""

STEMMING_CONFIGURATION = "english"
"""And beside it this one, since most come in English: "story" is to find "stories"."""

TIER_ENDS = (1_000, 4_000, 16_000, 64_000, 256_000)
"""Of the published cats, in the order of their popularity, so many are in a tier or in one above it."""

LOWEST_TIER = len(TIER_ENDS)
"""Where all others are, and where a cat begins that is published."""

TIER_TRIGGERS = (
    f"""CREATE FUNCTION {SCHEMA}.give_tier() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.tier = CASE WHEN EXISTS (SELECT FROM {SCHEMA}.cats WHERE id = NEW.cat_id AND status = 'published')
        THEN coalesce(NEW.tier, {LOWEST_TIER}) END;
    RETURN NEW; END $$""",
    f"""CREATE FUNCTION {SCHEMA}.follow_status() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE {SCHEMA}.cat_search SET tier = CASE WHEN NEW.status = 'published' THEN {LOWEST_TIER} END
        WHERE cat_id = NEW.id AND (tier IS NULL) = (NEW.status = 'published');
    RETURN NULL; END $$""",  # noqa: S608 - names of our own
    f"""CREATE TRIGGER give_tier BEFORE INSERT ON {SCHEMA}.cat_search
    FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.give_tier()""",
    f"""CREATE TRIGGER follow_status AFTER UPDATE OF status ON {SCHEMA}.cats FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION {SCHEMA}.follow_status()""",
)
"""A cat's tier follows its status, whoever changes it: also a release of ours that knows nothing of tiers."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
_IDEOGRAPH = re.compile(rf"[{_IDEOGRAPHS}]")
_MOST_JOINED = 3
_SIGNS = {"++": "plusplus", "#": "sharp"}
_SIGNED = re.compile(r"\b([a-z])(\+\+|#)")


def fold(text: str) -> str:
    """Without case and accents, so that "Café" is found by "cafe"; for what is stored and for what is asked."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def words_of(text: str) -> list[str]:
    """The words of a text, folded, in their order; for what is stored and for what is asked.

    What is joined by a sign ("e-mail", "node.js") is there in its parts and as one word. Chinese and Japanese are
    written without spaces: there each character is a word. "C++" and "C#" are words as well.
    """
    named = _SIGNED.sub(lambda found: found[1] + _SIGNS[found[2]], fold(text))
    words: list[str] = []
    for chunk in named.split():
        parts = _WORD.findall(chunk)
        words += parts
        if 1 < len(parts) <= _MOST_JOINED and not any(is_ideograph(part) for part in parts):
            words.append("".join(parts))
    return words


def is_ideograph(word: str) -> bool:
    """Whether a word is one character of a Chinese or Japanese text."""
    return _IDEOGRAPH.fullmatch(word) is not None


def search_document(*, name: str, tags: Sequence[str], description: str, developer: str) -> ColumnElement[Any]:
    """What ``document`` holds of a cat: its name weighs most, then its tags, its description, its developer's name.

    Each word as it is, and without its English ending.
    """
    parts = ((name, "A"), (" ".join(tags), "B"), (description, "C"), (developer, "D"))
    # Words alone: Postgres's own parser would keep "node.js" as one host name and "e-mail" as a compound.
    texts = [(" ".join(words_of(text)), weight) for text, weight in parts]
    vectors = (
        func.setweight(func.to_tsvector(configuration, text), literal_column(f"'{weight}'"))
        for configuration in (SEARCH_CONFIGURATION, STEMMING_CONFIGURATION)
        for text, weight in texts
    )
    return reduce(lambda document, vector: document.op("||")(vector), vectors)


class CatSearch(Base):
    """What search reads of a cat, kept apart so that a popular cat's counters do not rewrite its text."""

    __tablename__ = "cat_search"

    cat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(foreign("cats.id"), ondelete="CASCADE"), primary_key=True)
    document: Mapped[str] = mapped_column(TSVECTOR)
    words: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """The words that ``document`` was made of."""
    documented_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    """When ``document`` was made; null: it is to be made anew."""
    popularity: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    tier: Mapped[int | None] = mapped_column(SmallInteger)
    """How popular it is among the published cats, 0 the most (``TIER_ENDS``); null when it is not published.

    Triggers see to the latter, whoever inserts the row or changes the cat's status; catalog-service moves it between
    tiers. Each tier but the lowest has an index of its own, so that the most popular cats that have a word are found
    without looking at all that have it.
    """
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """The cat's; null as long as nobody has noted them."""
    permission_types: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """What the cat asks for; null as long as nobody has noted it."""
    embedding: Mapped[list[float] | None] = mapped_column(Vector(EMBEDDING_DIMENSIONS))
    embedding_model: Mapped[str | None] = mapped_column(String(120))
    """Which model made ``embedding``; null as long as the present text has none."""
    updated_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index(None, "document", postgresql_using="gin"),
        Index(None, "popularity", "cat_id"),
        Index(None, "embedding", postgresql_using="hnsw", postgresql_ops={"embedding": "vector_cosine_ops"}),
        Index("ix_cat_search_to_embed", "cat_id", postgresql_where=text("embedding_model IS NULL")),
        Index("ix_cat_search_to_document", "cat_id", postgresql_where=text("documented_at IS NULL")),
        Index("ix_cat_search_to_note", "cat_id", postgresql_where=text("permission_types IS NULL")),
        Index(
            "ix_cat_search_ranks",
            "popularity",
            "cat_id",
            postgresql_include=["tier"],
            postgresql_where=text("tier IS NOT NULL"),
        ),
        *(
            Index(
                f"ix_cat_search_tier_{tier}",
                "document",
                postgresql_using="gin",
                postgresql_where=text(f"tier = {tier}"),
            )
            for tier in range(LOWEST_TIER)
        ),
        CheckConstraint(f"tier BETWEEN 0 AND {LOWEST_TIER}", name="tier"),
        owned_by("catalog"),
    )
