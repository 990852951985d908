"""Owner: catalog-service. Readers: nobody else."""

from sqlalchemy import CheckConstraint, Index, Integer, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cathouse.schema.base import Base, owned_by

LONGEST_WORD = 40


class SearchWord(Base):
    """A word of the catalog, and how many cats have it.

    ``keys`` are what is left of it when letters are missing: how typing errors are forgiven.
    """

    __tablename__ = "search_words"

    # In the order of its bytes, so that words are found by their beginnings wherever the database was made.
    word: Mapped[str] = mapped_column(String(LONGEST_WORD, collation="C"), primary_key=True)
    cats: Mapped[int] = mapped_column(Integer)
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text))

    __table_args__ = (
        CheckConstraint("cats > 0", name="cats"),
        Index(None, "keys", postgresql_using="gin"),
        owned_by("catalog"),
    )
