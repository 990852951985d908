"""What admins did with cats, for everybody to read.

Revision: 0004
Revises: 0003
Created: 2026-11-21
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Suspensions and reinstatements can be listed; those from before are in the audit alone."""
    op.create_table(
        "moderation_entries",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("action IN ('suspended', 'reinstated')", name=op.f("ck_moderation_entries_action")),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_moderation_entries_cat_id_cats"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moderation_entries")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_moderation_entries_created_at_id"), "moderation_entries", ["created_at", "id"], schema="cathouse"
    )
    op.create_index(op.f("ix_moderation_entries_cat_id"), "moderation_entries", ["cat_id"], schema="cathouse")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.moderation_entries TO cathouse_catalog")
    op.execute(
        "CREATE TRIGGER touch_updated_at BEFORE UPDATE ON cathouse.moderation_entries "
        "FOR EACH ROW EXECUTE FUNCTION cathouse.touch_updated_at()"
    )


def downgrade() -> None:
    """The moderation log is lost; the audit still has what was done."""
    op.drop_table("moderation_entries", schema="cathouse")
