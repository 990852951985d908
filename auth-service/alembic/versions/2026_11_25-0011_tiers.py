"""Search finds the most popular cats first, and facets are counted without looking at every cat.

Revision: 0011
Revises: 0010
Created: 2026-11-25
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TRIGGERS = (
    """CREATE OR REPLACE FUNCTION cathouse.give_tier() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.tier = CASE WHEN EXISTS (SELECT FROM cathouse.cats WHERE id = NEW.cat_id AND status = 'published')
        THEN coalesce(NEW.tier, 5) END;
    RETURN NEW; END $$""",
    """CREATE OR REPLACE FUNCTION cathouse.follow_status() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE cathouse.cat_search SET tier = CASE WHEN NEW.status = 'published' THEN 5 END
        WHERE cat_id = NEW.id AND (tier IS NULL) = (NEW.status = 'published');
    RETURN NULL; END $$""",
    """CREATE OR REPLACE TRIGGER give_tier BEFORE INSERT ON cathouse.cat_search
    FOR EACH ROW EXECUTE FUNCTION cathouse.give_tier()""",
    """CREATE OR REPLACE TRIGGER follow_status AFTER UPDATE OF status ON cathouse.cats FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION cathouse.follow_status()""",
)

_INDEXES = {
    "ix_cat_search_to_note": "(cat_id) WHERE permission_types IS NULL",
    "ix_cat_search_ranks": "(popularity, cat_id) INCLUDE (tier) WHERE tier IS NOT NULL",
    **{f"ix_cat_search_tier_{tier}": f"USING gin (document) WHERE tier = {tier}" for tier in range(5)},
}


def upgrade() -> None:
    """Interrupted, it can be run again.

    Every cat begins in the lowest tier, and catalog-service moves those that are popular, and notes tags and
    permissions, when it starts. What is deployed goes on as before: the triggers keep the tiers right for it.
    """
    # With a constant as the default no row is rewritten; those that are inserted have the trigger's.
    op.execute("ALTER TABLE cathouse.cat_search ADD COLUMN IF NOT EXISTS tier smallint DEFAULT 5")
    op.execute(
        "-- squawk-ignore ban-drop-default, prefer-robust-stmts\n"
        "ALTER TABLE cathouse.cat_search ALTER COLUMN tier DROP DEFAULT"
    )
    op.execute("ALTER TABLE cathouse.cat_search ADD COLUMN IF NOT EXISTS tags text[]")
    op.execute("ALTER TABLE cathouse.cat_search ADD COLUMN IF NOT EXISTS permission_types text[]")
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "ALTER TABLE cathouse.cat_search DROP CONSTRAINT IF EXISTS ck_cat_search_tier"
    )
    op.execute(
        "ALTER TABLE cathouse.cat_search ADD CONSTRAINT ck_cat_search_tier CHECK (tier BETWEEN 0 AND 5) NOT VALID"
    )
    for statement in _TRIGGERS:
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = '30min'")
        op.execute(
            "UPDATE cathouse.cat_search SET tier = NULL FROM cathouse.cats "
            "WHERE cats.id = cat_id AND status <> 'published' AND tier IS NOT NULL"
        )
        op.execute("ALTER TABLE cathouse.cat_search VALIDATE CONSTRAINT ck_cat_search_tier")
        for name, on in _INDEXES.items():
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON cathouse.cat_search {on}")
        op.execute("SET statement_timeout = '60s'")


def downgrade() -> None:
    """All cats that have a word are looked at again."""
    with op.get_context().autocommit_block():
        for name in _INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS cathouse.{name}")
    op.execute("DROP TRIGGER follow_status ON cathouse.cats")
    op.execute("DROP TRIGGER give_tier ON cathouse.cat_search")
    op.execute("DROP FUNCTION cathouse.follow_status()")
    op.execute("DROP FUNCTION cathouse.give_tier()")
    for column in ("tier", "tags", "permission_types"):
        op.execute(f"-- squawk-ignore ban-drop-column\nALTER TABLE cathouse.cat_search DROP COLUMN {column}")
