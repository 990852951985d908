"""Search forgives typing errors, and reports have reasons that are on the list.

Revision: 0005
Revises: 0004
Created: 2026-11-21
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """The words of the catalog; ``cat_search.trigrams``, which nothing ever read or wrote, goes.

    catalog-service makes the documents of the cats that are there anew.
    """
    op.create_table(
        "search_words",
        sa.Column("word", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("cats", sa.Integer(), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("cats > 0", name=op.f("ck_search_words_cats")),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_words")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_search_words_keys"), "search_words", ["keys"], schema="cathouse", postgresql_using="gin")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.search_words TO cathouse_catalog")
    # Its index goes with it. Nobody misses it: no release of ours has ever named the column.
    op.execute("-- squawk-ignore ban-drop-column\nALTER TABLE cathouse.cat_search DROP COLUMN trigrams")
    op.add_column(
        "cat_search",
        sa.Column("words", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        schema="cathouse",
    )
    op.add_column(
        "cat_search", sa.Column("documented_at", sa.DateTime(timezone=True), nullable=True), schema="cathouse"
    )
    op.execute(
        "ALTER TABLE cathouse.cat_reports ADD CONSTRAINT ck_cat_reports_reason CHECK "
        "(reason IN ('harmful', 'misleading', 'privacy', 'spam', 'broken', 'other')) NOT VALID"
    )


def downgrade() -> None:
    """Typing errors are not forgiven any more."""
    op.drop_column("cat_search", "documented_at", schema="cathouse")
    op.drop_column("cat_search", "words", schema="cathouse")
    op.drop_constraint(op.f("ck_cat_reports_reason"), "cat_reports", schema="cathouse")
    op.add_column(
        "cat_search",
        sa.Column("trigrams", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_cat_search_trigrams"), "cat_search", ["trigrams"], schema="cathouse", postgresql_using="gin"
    )
    op.drop_table("search_words", schema="cathouse")
