"""Cats are told what becomes of their installations, players are mailed, and what was uninstalled is emptied.

Revision: 0008
Revises: 0007
Created: 2026-11-25
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """``lifecycle_events`` is empty until now, since no release wrote to it; but for a downgrade, which keeps events."""
    op.execute("ALTER TABLE cathouse.lifecycle_events ADD COLUMN cat_id uuid")
    op.execute(
        "UPDATE cathouse.lifecycle_events e SET cat_id = i.cat_id"
        " FROM cathouse.installations i WHERE i.id = e.installation_id"
    )
    op.execute(
        "-- squawk-ignore adding-not-nullable-field\n"
        "ALTER TABLE cathouse.lifecycle_events ALTER COLUMN cat_id SET NOT NULL"
    )
    op.execute(
        "-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE cathouse.lifecycle_events ADD CONSTRAINT fk_lifecycle_events_cat_id_cats "
        "FOREIGN KEY (cat_id) REFERENCES cathouse.cats (id) ON DELETE RESTRICT"
    )
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE cathouse.lifecycle_events ADD CONSTRAINT ck_lifecycle_events_event CHECK "
        "(event IN ('installation.created', 'installation.paused', 'installation.resumed', 'installation.upgraded', "
        "'installation.permissions_changed', 'installation.suspended', 'installation.reinstated', "
        "'installation.uninstalled'))"
    )
    op.add_column(
        "notifications",
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="cathouse",
    )
    op.add_column(
        "notifications", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True), schema="cathouse"
    )
    op.add_column("installations", sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True), schema="cathouse")


def downgrade() -> None:
    """Events that were not delivered yet stay, of whichever cat they are."""
    op.drop_column("installations", "purged_at", schema="cathouse")
    op.drop_column("notifications", "next_attempt_at", schema="cathouse")
    op.drop_column("notifications", "attempts", schema="cathouse")
    op.drop_constraint(op.f("ck_lifecycle_events_event"), "lifecycle_events", schema="cathouse")
    op.drop_constraint(op.f("fk_lifecycle_events_cat_id_cats"), "lifecycle_events", schema="cathouse")
    op.drop_column("lifecycle_events", "cat_id", schema="cathouse")
