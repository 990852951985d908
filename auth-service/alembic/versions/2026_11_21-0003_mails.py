"""Mails that survive a crash, and whether a password is long enough for a developer.

Revision: 0003
Revises: 0002
Created: 2026-11-21

Developers and admins could only register with 15 characters, so theirs are long; of other passwords it is not known.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """A mail is kept until it is sent; an account says whether its password has 15 characters."""
    op.create_table(
        "mails",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapping_key_id", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_mails_attempts")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_mails_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_mails_user_id_kind"), "mails", ["user_id", "kind"], schema="cathouse")
    op.create_index(op.f("ix_mails_next_attempt_at"), "mails", ["next_attempt_at"], schema="cathouse")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.mails TO cathouse_auth")
    op.execute(
        "CREATE TRIGGER touch_updated_at BEFORE UPDATE ON cathouse.mails "
        "FOR EACH ROW EXECUTE FUNCTION cathouse.touch_updated_at()"
    )
    op.add_column(
        "users",
        sa.Column("password_is_long", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="cathouse",
    )
    op.execute(
        "UPDATE cathouse.users SET password_is_long = true "
        "WHERE role IN ('developer', 'admin') AND password_hash IS NOT NULL"
    )


def downgrade() -> None:
    """Mails that are not sent yet are lost, and what is known of passwords' lengths."""
    op.drop_column("users", "password_is_long", schema="cathouse")
    op.drop_table("mails", schema="cathouse")
