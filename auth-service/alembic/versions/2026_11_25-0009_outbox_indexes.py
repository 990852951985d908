"""What is to be purged, and a developer's events, are found by index.

Revision: 0009
Revises: 0008
Created: 2026-11-25
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW = {
    "ix_installations_unpurged": (
        "cathouse.installations (uninstalled_at) WHERE uninstalled_at IS NOT NULL AND purged_at IS NULL"
    ),
    "ix_notifications_to_mail": "cathouse.notifications (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
    "ix_lifecycle_events_cat_id_created_at_id": "cathouse.lifecycle_events (cat_id, created_at, id)",
    "ix_lifecycle_events_created_at": "cathouse.lifecycle_events (created_at)",
}
_OLD = {"ix_installations_to_purge": "cathouse.installations (uninstalled_at) WHERE uninstalled_at IS NOT NULL"}


def upgrade() -> None:
    """Interrupted, it can be run again: what is finished stays, and what is not is dropped before the next run."""
    _replace(_OLD, _NEW)


def downgrade() -> None:
    """What was purged is looked through each time."""
    _replace(_NEW, _OLD)


def _replace(old: dict[str, str], new: dict[str, str]) -> None:
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = '30min'")
        for name, on in new.items():
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {on}")
        for name in old:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS cathouse.{name}")
        op.execute("SET statement_timeout = '60s'")
