"""Search learns what other services change.

Revision: 0006
Revises: 0005
Created: 2026-11-21
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_INDEXES = {
    "ix_installations_updated_at": "cathouse.installations (updated_at)",
    "ix_users_updated_at": "cathouse.users (updated_at)",
    "ix_cat_search_to_document": "cathouse.cat_search (cat_id) WHERE documented_at IS NULL",
    "ix_cat_search_to_embed": "cathouse.cat_search (cat_id) WHERE embedding_model IS NULL",
}


def upgrade() -> None:
    """Interrupted, it can be run again: what is finished stays, and what is not is dropped before the next run."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = '30min'")
        for name, on in _INDEXES.items():
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")
        op.execute("SET statement_timeout = '60s'")


def downgrade() -> None:
    """What others change is looked for in whole tables."""
    with op.get_context().autocommit_block():
        for name in _INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS cathouse.{name}")
