"""The action of a permission's use has room for the name of a host that a cat called.

Revision: 0010
Revises: 0009
Created: 2026-11-25
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Wider only: no row is rewritten or read, and what is deployed writes shorter ones."""
    op.execute(
        "-- squawk-ignore changing-column-type\n"
        "ALTER TABLE cathouse.permission_uses ALTER COLUMN action TYPE varchar(280)"
    )


def downgrade() -> None:
    """What does not fit any more is cut off."""
    op.execute(
        "-- squawk-ignore changing-column-type\n"
        "ALTER TABLE cathouse.permission_uses ALTER COLUMN action TYPE varchar(40) USING left(action, 40)"
    )
