"""Who may do what: the group roles, their grants, and the triggers that guard the tables.

Revision: 0002
Revises: 0001
Created: 2026-11-21

The statements are frozen here; `cathouse.schema.ownership` says the same for today's tables, and a test compares the
two. Roles belong to the whole cluster: they are made when absent and never dropped.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ROLES = ("cathouse_auth", "cathouse_catalog", "cathouse_installation", "cathouse_proxy")

GRANTS = (
    "GRANT USAGE ON SCHEMA cathouse TO cathouse_auth, cathouse_catalog, cathouse_installation, cathouse_proxy",
    "GRANT SELECT ON cathouse.alembic_version TO cathouse_auth, cathouse_catalog, cathouse_installation, cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.audit_addresses TO cathouse_auth",
    "GRANT SELECT, INSERT ON cathouse.audit_events TO cathouse_auth",
    "GRANT INSERT ON cathouse.audit_events TO cathouse_catalog",
    "GRANT INSERT ON cathouse.audit_events TO cathouse_installation",
    "GRANT INSERT ON cathouse.audit_events TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.idempotency_keys TO cathouse_catalog",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.idempotency_keys TO cathouse_installation",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.login_attempts TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.signing_keys TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.users TO cathouse_auth",
    "GRANT SELECT (id, display_name, role, is_active, updated_at) ON cathouse.users TO cathouse_catalog",
    "GRANT SELECT (id, display_name, role, is_active, timezone) ON cathouse.users TO cathouse_installation",
    "GRANT SELECT (id, is_active, timezone) ON cathouse.users TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.api_keys TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.cats TO cathouse_catalog",
    "GRANT SELECT ON cathouse.cats TO cathouse_auth",
    "GRANT SELECT ON cathouse.cats TO cathouse_installation",
    "GRANT SELECT ON cathouse.cats TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.erasures TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.one_time_tokens TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.second_factors TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.sessions TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.user_preferences TO cathouse_auth",
    "GRANT SELECT (user_id, communication_preferences) ON cathouse.user_preferences TO cathouse_installation",
    "GRANT SELECT (user_id, nickname) ON cathouse.user_preferences TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.cat_reports TO cathouse_catalog",
    "GRANT SELECT ON cathouse.cat_reports TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.cat_search TO cathouse_catalog",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.installations TO cathouse_installation",
    "GRANT SELECT ON cathouse.installations TO cathouse_auth",
    "GRANT SELECT (id, user_id, cat_id, status, installed_at, updated_at) ON cathouse.installations TO cathouse_catalog",
    "GRANT SELECT ON cathouse.installations TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.permissions TO cathouse_catalog",
    "GRANT SELECT ON cathouse.permissions TO cathouse_auth",
    "GRANT SELECT ON cathouse.permissions TO cathouse_installation",
    "GRANT SELECT ON cathouse.permissions TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.player_aliases TO cathouse_installation",
    "GRANT SELECT ON cathouse.player_aliases TO cathouse_auth",
    "GRANT SELECT ON cathouse.player_aliases TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.releases TO cathouse_catalog",
    "GRANT SELECT ON cathouse.releases TO cathouse_auth",
    "GRANT SELECT ON cathouse.releases TO cathouse_installation",
    "GRANT SELECT ON cathouse.releases TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.installation_permissions TO cathouse_installation",
    "GRANT SELECT ON cathouse.installation_permissions TO cathouse_auth",
    "GRANT SELECT ON cathouse.installation_permissions TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.interactions TO cathouse_installation",
    "GRANT SELECT ON cathouse.interactions TO cathouse_auth",
    "GRANT SELECT ON cathouse.interactions TO cathouse_catalog",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.lifecycle_events TO cathouse_installation",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.notifications TO cathouse_installation",
    "GRANT SELECT ON cathouse.notifications TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.permission_uses TO cathouse_installation",
    "GRANT SELECT ON cathouse.permission_uses TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.player_secrets TO cathouse_installation",
    "GRANT SELECT (installation_id, name, created_at, updated_at) ON cathouse.player_secrets TO cathouse_auth",
    "GRANT SELECT ON cathouse.player_secrets TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.release_permissions TO cathouse_catalog",
    "GRANT SELECT ON cathouse.release_permissions TO cathouse_installation",
    "GRANT SELECT ON cathouse.release_permissions TO cathouse_proxy",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.stored_values TO cathouse_installation",
    "GRANT SELECT ON cathouse.stored_values TO cathouse_auth",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cathouse.tasks TO cathouse_installation",
    "GRANT SELECT ON cathouse.tasks TO cathouse_auth",
)

TOUCHED = (
    "audit_addresses",
    "login_attempts",
    "signing_keys",
    "users",
    "api_keys",
    "cats",
    "erasures",
    "one_time_tokens",
    "second_factors",
    "sessions",
    "user_preferences",
    "cat_reports",
    "cat_search",
    "installations",
    "permissions",
    "player_aliases",
    "releases",
    "installation_permissions",
    "lifecycle_events",
    "notifications",
    "player_secrets",
    "release_permissions",
    "stored_values",
    "tasks",
)

FUNCTIONS = (
    """CREATE FUNCTION cathouse.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$""",
    """CREATE FUNCTION cathouse.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$""",
)


def upgrade() -> None:
    """Each service can log in with rights on its own slice; updated_at moves by itself; the audit cannot be changed."""
    for role in ROLES:
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
    for statement in (*GRANTS, *FUNCTIONS):
        op.execute(statement)
    for table in TOUCHED:
        op.execute(
            f"CREATE TRIGGER touch_updated_at BEFORE UPDATE ON cathouse.{table} "
            "FOR EACH ROW EXECUTE FUNCTION cathouse.touch_updated_at()"
        )
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON cathouse.audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION cathouse.refuse_change()"
    )
    op.execute("ALTER TABLE cathouse.audit_events ENABLE ALWAYS TRIGGER refuse_change")


def downgrade() -> None:
    """Take the rights and the triggers away; no data is lost."""
    op.execute("DROP TRIGGER refuse_change ON cathouse.audit_events")
    for table in reversed(TOUCHED):
        op.execute(f"DROP TRIGGER touch_updated_at ON cathouse.{table}")
    op.execute("DROP FUNCTION cathouse.refuse_change()")
    op.execute("DROP FUNCTION cathouse.touch_updated_at()")
    roles = ", ".join(ROLES)
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA cathouse FROM {roles}")
    op.execute(f"REVOKE ALL ON SCHEMA cathouse FROM {roles}")
