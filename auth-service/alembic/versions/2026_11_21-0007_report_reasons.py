"""The reasons of reports that were there before are checked too.

Revision: 0007
Revises: 0006
Created: 2026-11-21
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apart from adding the constraint (0005): together they would hold the lock of adding it."""
    op.execute("ALTER TABLE cathouse.cat_reports VALIDATE CONSTRAINT ck_cat_reports_reason")


def downgrade() -> None:
    """What is valid stays valid."""
