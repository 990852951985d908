"""A developer's list of who has a cat is read in its order, and not sorted.

Revision: 0012
Revises: 0011
Created: 2026-11-25
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW = {"ix_installations_cat_id_created_at_id": "cathouse.installations (cat_id, created_at, id)"}
_OLD = {"ix_installations_cat_id": "cathouse.installations (cat_id)"}


def upgrade() -> None:
    """Interrupted, it can be run again: what is finished stays, and what is not is dropped before the next run."""
    _replace(_OLD, _NEW)


def downgrade() -> None:
    """All installations of the cat are sorted for each page again."""
    _replace(_NEW, _OLD)


def _replace(old: dict[str, str], new: dict[str, str]) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = '30min'")
        for name, on in new.items():
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")
        for name in old:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS cathouse.{name}")
        op.execute("SET statement_timeout = '60s'")
