"""All tables: accounts, cats, installations and what belongs to them.

Revision: 0001
Revises: none
Created: 2026-11-21 11:19:17.812724+00:00
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def require_vector() -> None:
    """Make pgvector available, or say who can."""
    if op.get_context().as_sql:
        op.execute("CREATE EXTENSION IF NOT EXISTS vector")
        return
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")):
        return
    try:
        connection.execute(sa.text("CREATE EXTENSION vector"))
    except DBAPIError as error:
        raise RuntimeError(
            "the extension `vector` (pgvector) is missing and this role may not create it. On Neon and Supabase the"
            " owner of the database may: CREATE EXTENSION vector; elsewhere install pgvector and let a superuser do it"
        ) from error


def upgrade() -> None:
    """Make the extension `vector` where it may, then every table with its constraints and indexes."""
    require_vector()
    op.create_table(
        "audit_addresses",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("audit_event_id", sa.UUID(), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_addresses")),
        sa.UniqueConstraint("audit_event_id", name=op.f("uq_audit_addresses_audit_event_id")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_audit_addresses_created_at"), "audit_addresses", ["created_at"], unique=False, schema="cathouse"
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_id", sa.UUID(), nullable=True),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column(
            "subject", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_audit_events_action_at"), "audit_events", ["action", "at"], unique=False, schema="cathouse"
    )
    op.create_index(
        op.f("ix_audit_events_actor_id_at"), "audit_events", ["actor_id", "at"], unique=False, schema="cathouse"
    )
    op.create_index(op.f("ix_audit_events_at_id"), "audit_events", ["at", "id"], unique=False, schema="cathouse")
    op.create_table(
        "idempotency_keys",
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("principal", sa.UUID(), nullable=False),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("service", "principal", "route", "key", name=op.f("pk_idempotency_keys")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False, schema="cathouse"
    )
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_login_attempts_failures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
        sa.UniqueConstraint("key", name=op.f("uq_login_attempts_key")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_login_attempts_updated_at"), "login_attempts", ["updated_at"], unique=False, schema="cathouse"
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kid", sa.String(length=43), nullable=False),
        sa.Column("alg", sa.String(length=16), server_default="ES256", nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wrapped_private", sa.LargeBinary(), nullable=False),
        sa.Column("wrapping_key_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'active', 'retiring', 'revoked')", name=op.f("ck_signing_keys_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
        sa.UniqueConstraint("kid", name=op.f("uq_signing_keys_kid")),
        schema="cathouse",
    )
    op.create_index(
        "uq_signing_keys_active",
        "signing_keys",
        ["state"],
        unique=True,
        schema="cathouse",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("role", sa.String(length=16), server_default="player", nullable=False),
        sa.Column("display_name", sa.String(length=80), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("clerk_user_id", sa.String(length=255), nullable=True),
        sa.Column("timezone", sa.String(length=64), server_default="UTC", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("display_name <> ''", name=op.f("ck_users_display_name")),
        sa.CheckConstraint("role IN ('player', 'developer', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint("email_key = lower(email_key)", name=op.f("ck_users_email_key_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("clerk_user_id", name=op.f("uq_users_clerk_user_id")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_users_created_at_id"), "users", ["created_at", "id"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_users_role"), "users", ["role"], unique=False, schema="cathouse")
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_keys_scopes")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_api_keys_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"], unique=False, schema="cathouse")
    op.create_table(
        "cats",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("developer_id", sa.UUID(), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("endpoint_url", sa.String(length=2048), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="draft", nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("icon_url", sa.String(length=2048), nullable=True),
        sa.Column("support_url", sa.String(length=2048), nullable=True),
        sa.Column("privacy_url", sa.String(length=2048), nullable=True),
        sa.Column("deprecation", sa.Text(), nullable=True),
        sa.Column("suspension_reason", sa.Text(), nullable=True),
        sa.Column("status_before_suspension", sa.String(length=16), nullable=True),
        sa.Column("signing_secret_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("signing_root", sa.String(length=16), nullable=False),
        sa.Column("previous_signing_root", sa.String(length=16), nullable=True),
        sa.Column("signing_secret_rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'suspended') = (suspension_reason IS NOT NULL) AND (status = 'suspended') = (status_before_suspension IS NOT NULL)",
            name=op.f("ck_cats_suspension"),
        ),
        sa.CheckConstraint("endpoint_url ~ '^https?://'", name=op.f("ck_cats_endpoint_url")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_cats_name")),
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_cats_slug")),
        sa.CheckConstraint("status IN ('draft', 'published', 'suspended')", name=op.f("ck_cats_status")),
        sa.CheckConstraint(
            "status_before_suspension IN ('draft', 'published')", name=op.f("ck_cats_status_before_suspension")
        ),
        sa.CheckConstraint("cardinality(tags) <= 20", name=op.f("ck_cats_tags")),
        sa.CheckConstraint("signing_secret_version >= 1", name=op.f("ck_cats_signing_secret_version")),
        sa.ForeignKeyConstraint(
            ["developer_id"], ["cathouse.users.id"], name=op.f("fk_cats_developer_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cats")),
        sa.UniqueConstraint("slug", name=op.f("uq_cats_slug")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_cats_developer_id_status"), "cats", ["developer_id", "status"], unique=False, schema="cathouse"
    )
    op.create_index(
        "ix_cats_name",
        "cats",
        [sa.literal_column("lower(name)"), "id"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(
        "ix_cats_newest",
        "cats",
        ["created_at", "id"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(op.f("ix_cats_status"), "cats", ["status"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_cats_tags"), "cats", ["tags"], unique=False, schema="cathouse", postgresql_using="gin")
    op.create_table(
        "erasures",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("auth_step", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("catalog_step", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("installation_step", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("repeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("auth_step IN ('pending', 'done')", name=op.f("ck_erasures_auth_step")),
        sa.CheckConstraint("catalog_step IN ('pending', 'done')", name=op.f("ck_erasures_catalog_step")),
        sa.CheckConstraint("installation_step IN ('pending', 'done')", name=op.f("ck_erasures_installation_step")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_erasures_attempts")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_erasures_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("user_id", name=op.f("uq_erasures_user_id")),
        schema="cathouse",
    )
    op.create_index(
        "ix_erasures_due",
        "erasures",
        ["next_attempt_at"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('verify_email', 'reset_password', 'change_email')", name=op.f("ck_one_time_tokens_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_one_time_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_tokens_token_hash")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"], unique=False, schema="cathouse"
    )
    op.create_index(
        op.f("ix_one_time_tokens_user_id_purpose"),
        "one_time_tokens",
        ["user_id", "purpose"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "second_factors",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=16), server_default="totp", nullable=False),
        sa.Column("wrapped_secret", sa.LargeBinary(), nullable=False),
        sa.Column("wrapping_key_id", sa.String(length=32), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "recovery_code_hashes", postgresql.ARRAY(sa.LargeBinary()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('totp')", name=op.f("ck_second_factors_kind")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_second_factors_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factors")),
        sa.UniqueConstraint("user_id", "kind", name=op.f("uq_second_factors_user_id_kind")),
        schema="cathouse",
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("refresh_counter", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("amr", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{pwd}'"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(length=400), nullable=True),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("idle_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name=op.f("ck_sessions_revoked")),
        sa.CheckConstraint("refresh_counter >= 0", name=op.f("ck_sessions_refresh_counter")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False, schema="cathouse")
    op.create_index(
        "ix_sessions_user_id_living",
        "sessions",
        ["user_id"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "user_preferences",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("custom_hours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("theme", sa.String(length=40), server_default="modern", nullable=False),
        sa.Column(
            "communication_preferences",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text('\'{"email": true, "sms": false, "in_app": true}\'::jsonb'),
            nullable=False,
        ),
        sa.Column("onboarding_completed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("nickname", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_user_preferences_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_preferences")),
        sa.UniqueConstraint("user_id", name=op.f("uq_user_preferences_user_id")),
        schema="cathouse",
    )
    op.create_table(
        "cat_reports",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("reporter_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('open', 'resolved', 'dismissed')", name=op.f("ck_cat_reports_state")),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_cat_reports_cat_id_cats"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["cathouse.users.id"], name=op.f("fk_cat_reports_reporter_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cat_reports")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_cat_reports_cat_id"), "cat_reports", ["cat_id"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_cat_reports_reporter_id"), "cat_reports", ["reporter_id"], unique=False, schema="cathouse")
    op.create_index(
        op.f("ix_cat_reports_state_created_at_id"),
        "cat_reports",
        ["state", "created_at", "id"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "cat_search",
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("document", postgresql.TSVECTOR(), nullable=False),
        sa.Column("trigrams", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("popularity", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("embedding", Vector(dim=1024), nullable=True),
        sa.Column("embedding_model", sa.String(length=120), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_cat_search_cat_id_cats"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cat_id", name=op.f("pk_cat_search")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_cat_search_document"),
        "cat_search",
        ["document"],
        unique=False,
        schema="cathouse",
        postgresql_using="gin",
    )
    op.create_index(
        op.f("ix_cat_search_embedding"),
        "cat_search",
        ["embedding"],
        unique=False,
        schema="cathouse",
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    op.create_index(
        op.f("ix_cat_search_popularity_cat_id"), "cat_search", ["popularity", "cat_id"], unique=False, schema="cathouse"
    )
    op.create_index(
        op.f("ix_cat_search_trigrams"),
        "cat_search",
        ["trigrams"],
        unique=False,
        schema="cathouse",
        postgresql_using="gin",
    )
    op.create_table(
        "installations",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("consent_epoch", sa.Integer(), nullable=False),
        sa.Column("instance_name", sa.String(length=80), nullable=False),
        sa.Column(
            "config", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("status", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("developer_suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("developer_suspension_reason", sa.Text(), nullable=True),
        sa.Column("operator_suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("operator_suspension_reason", sa.Text(), nullable=True),
        sa.Column("grant_generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("uninstalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_interaction_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'uninstalled') = (uninstalled_at IS NOT NULL)", name=op.f("ck_installations_uninstalled_at")
        ),
        sa.CheckConstraint("instance_name <> ''", name=op.f("ck_installations_instance_name")),
        sa.CheckConstraint("jsonb_typeof(config) = 'object'", name=op.f("ck_installations_config")),
        sa.CheckConstraint("status IN ('active', 'paused', 'uninstalled')", name=op.f("ck_installations_status")),
        sa.CheckConstraint(
            "(developer_suspended_at IS NULL) = (developer_suspension_reason IS NULL)",
            name=op.f("ck_installations_developer_suspension"),
        ),
        sa.CheckConstraint(
            "(operator_suspended_at IS NULL) = (operator_suspension_reason IS NULL)",
            name=op.f("ck_installations_operator_suspension"),
        ),
        sa.CheckConstraint("consent_epoch >= 1", name=op.f("ck_installations_consent_epoch")),
        sa.CheckConstraint("grant_generation >= 1", name=op.f("ck_installations_grant_generation")),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_installations_cat_id_cats"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_installations_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_installations_cat_id"), "installations", ["cat_id"], unique=False, schema="cathouse")
    op.create_index(
        "ix_installations_to_purge",
        "installations",
        ["uninstalled_at"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("uninstalled_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_installations_user_id_created_at_id"),
        "installations",
        ["user_id", "created_at", "id"],
        unique=False,
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_installations_user_id_status"), "installations", ["user_id", "status"], unique=False, schema="cathouse"
    )
    op.create_index(
        "uq_installations_living_name",
        "installations",
        ["user_id", "cat_id", "instance_name"],
        unique=True,
        schema="cathouse",
        postgresql_where=sa.text("status <> 'uninstalled'"),
    )
    op.create_table(
        "permissions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("permission_type", sa.String(length=16), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "permission_type IN ('storage', 'notification', 'external_api', 'tasks')",
            name=op.f("ck_permissions_permission_type"),
        ),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_permissions_cat_id_cats"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permissions")),
        sa.UniqueConstraint("cat_id", "permission_type", name=op.f("uq_permissions_cat_id_permission_type")),
        schema="cathouse",
    )
    op.create_table(
        "player_aliases",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("alias", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_player_aliases_cat_id_cats"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_player_aliases_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("user_id", "cat_id", name=op.f("pk_player_aliases")),
        sa.UniqueConstraint("alias", name=op.f("uq_player_aliases_alias")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_player_aliases_cat_id"), "player_aliases", ["cat_id"], unique=False, schema="cathouse")
    op.create_table(
        "releases",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column(
            "precedence",
            postgresql.ARRAY(sa.Integer()),
            sa.Computed("string_to_array(version, '.')::integer[]", persisted=True),
            nullable=False,
        ),
        sa.Column("endpoint_url", sa.String(length=2048), nullable=False),
        sa.Column("changelog", sa.Text(), server_default="", nullable=False),
        sa.Column("config_schema", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("egress_hosts", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "secrets", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("timeout_s", sa.SmallInteger(), server_default=sa.text("15"), nullable=False),
        sa.Column("consent_epoch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("endpoint_url ~ '^https?://'", name=op.f("ck_releases_endpoint_url")),
        sa.CheckConstraint(
            "version ~ '^(0|[1-9]\\d{0,8})\\.(0|[1-9]\\d{0,8})\\.(0|[1-9]\\d{0,8})$'", name=op.f("ck_releases_version")
        ),
        sa.CheckConstraint("consent_epoch >= 1", name=op.f("ck_releases_consent_epoch")),
        sa.CheckConstraint("timeout_s BETWEEN 1 AND 25", name=op.f("ck_releases_timeout_s")),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_releases_cat_id_cats"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("cat_id", "version", name=op.f("uq_releases_cat_id_version")),
        schema="cathouse",
    )
    op.create_index(
        "ix_releases_effective",
        "releases",
        ["cat_id", "precedence", "consent_epoch"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.create_table(
        "installation_permissions",
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("permission_id", sa.UUID(), nullable=False),
        sa.Column("granted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("granted = (granted_at IS NOT NULL)", name=op.f("ck_installation_permissions_granted_at")),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_installation_permissions_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["permission_id"],
            ["cathouse.permissions.id"],
            name=op.f("fk_installation_permissions_permission_id_permissions"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("installation_id", "permission_id", name=op.f("pk_installation_permissions")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_installation_permissions_permission_id"),
        "installation_permissions",
        ["permission_id"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "interactions",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("cat_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("status_code", sa.SmallInteger(), nullable=False),
        sa.Column("proxy_error", sa.String(length=64), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("bytes_in", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "duration_ms >= 0 AND bytes_in >= 0 AND bytes_out >= 0", name=op.f("ck_interactions_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["cat_id"], ["cathouse.cats.id"], name=op.f("fk_interactions_cat_id_cats"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_interactions_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interactions")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_interactions_at"), "interactions", ["at"], unique=False, schema="cathouse")
    op.create_index(
        op.f("ix_interactions_cat_id_at"), "interactions", ["cat_id", "at"], unique=False, schema="cathouse"
    )
    op.create_index(
        op.f("ix_interactions_installation_id_at"),
        "interactions",
        ["installation_id", "at"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "lifecycle_events",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "attempt_log",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_lifecycle_events_attempts")),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_lifecycle_events_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_events")),
        sa.UniqueConstraint("sequence", name=op.f("uq_lifecycle_events_sequence")),
        schema="cathouse",
    )
    op.create_index(
        "ix_lifecycle_events_due",
        "lifecycle_events",
        ["next_attempt_at"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_lifecycle_events_installation_id_sequence"),
        "lifecycle_events",
        ["installation_id", "sequence"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_notifications_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_notifications_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_notifications_installation_id_created_at"),
        "notifications",
        ["installation_id", "created_at"],
        unique=False,
        schema="cathouse",
    )
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["user_id", "created_at", "id"],
        unique=False,
        schema="cathouse",
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index(
        op.f("ix_notifications_user_id_created_at_id"),
        "notifications",
        ["user_id", "created_at", "id"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "permission_uses",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("permission_type", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("count", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "permission_type IN ('storage', 'notification', 'external_api', 'tasks')",
            name=op.f("ck_permission_uses_permission_type"),
        ),
        sa.CheckConstraint("count >= 1", name=op.f("ck_permission_uses_count")),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_permission_uses_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission_uses")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_permission_uses_at"), "permission_uses", ["at"], unique=False, schema="cathouse")
    op.create_index(
        op.f("ix_permission_uses_installation_id_at"),
        "permission_uses",
        ["installation_id", "at"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "player_secrets",
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("wrapped_value", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_player_secrets_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("installation_id", "name", name=op.f("pk_player_secrets")),
        schema="cathouse",
    )
    op.create_table(
        "release_permissions",
        sa.Column("release_id", sa.UUID(), nullable=False),
        sa.Column("permission_id", sa.UUID(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"],
            ["cathouse.permissions.id"],
            name=op.f("fk_release_permissions_permission_id_permissions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["release_id"],
            ["cathouse.releases.id"],
            name=op.f("fk_release_permissions_release_id_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release_id", "permission_id", name=op.f("pk_release_permissions")),
        schema="cathouse",
    )
    op.create_index(
        op.f("ix_release_permissions_permission_id"),
        "release_permissions",
        ["permission_id"],
        unique=False,
        schema="cathouse",
    )
    op.create_table(
        "stored_values",
        sa.Column("installation_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.String(length=128, collation="C"), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("key ~ '^[A-Za-z0-9._/-]{1,128}$'", name=op.f("ck_stored_values_key")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_stored_values_revision")),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_stored_values_installation_id_installations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("installation_id", "key", name=op.f("pk_stored_values")),
        schema="cathouse",
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("installation_id", sa.UUID(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("priority", sa.String(length=16), server_default="medium", nullable=False),
        sa.Column("due_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name=op.f("ck_tasks_completed_at")),
        sa.CheckConstraint("priority IN ('low', 'medium', 'high')", name=op.f("ck_tasks_priority")),
        sa.CheckConstraint("status IN ('pending', 'completed')", name=op.f("ck_tasks_status")),
        sa.CheckConstraint("title <> ''", name=op.f("ck_tasks_title")),
        sa.CheckConstraint("cardinality(tags) <= 20", name=op.f("ck_tasks_tags")),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["cathouse.installations.id"],
            name=op.f("fk_tasks_installation_id_installations"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["cathouse.users.id"], name=op.f("fk_tasks_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        schema="cathouse",
    )
    op.create_index(op.f("ix_tasks_created_at"), "tasks", ["created_at"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_tasks_due_date"), "tasks", ["due_date"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_tasks_installation_id"), "tasks", ["installation_id"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_tasks_priority"), "tasks", ["priority"], unique=False, schema="cathouse")
    op.create_index(op.f("ix_tasks_tags"), "tasks", ["tags"], unique=False, schema="cathouse", postgresql_using="gin")
    op.create_index(
        op.f("ix_tasks_user_id_created_at_id"),
        "tasks",
        ["user_id", "created_at", "id"],
        unique=False,
        schema="cathouse",
    )
    op.create_index(op.f("ix_tasks_user_id_status"), "tasks", ["user_id", "status"], unique=False, schema="cathouse")


def downgrade() -> None:
    """Drop every table, and with them all data. The extension stays: it is not ours to drop."""
    op.drop_index(op.f("ix_tasks_user_id_status"), table_name="tasks", schema="cathouse")
    op.drop_index(op.f("ix_tasks_user_id_created_at_id"), table_name="tasks", schema="cathouse")
    op.drop_index(op.f("ix_tasks_tags"), table_name="tasks", schema="cathouse", postgresql_using="gin")
    op.drop_index(op.f("ix_tasks_priority"), table_name="tasks", schema="cathouse")
    op.drop_index(op.f("ix_tasks_installation_id"), table_name="tasks", schema="cathouse")
    op.drop_index(op.f("ix_tasks_due_date"), table_name="tasks", schema="cathouse")
    op.drop_index(op.f("ix_tasks_created_at"), table_name="tasks", schema="cathouse")
    op.drop_table("tasks", schema="cathouse")
    op.drop_table("stored_values", schema="cathouse")
    op.drop_index(op.f("ix_release_permissions_permission_id"), table_name="release_permissions", schema="cathouse")
    op.drop_table("release_permissions", schema="cathouse")
    op.drop_table("player_secrets", schema="cathouse")
    op.drop_index(op.f("ix_permission_uses_installation_id_at"), table_name="permission_uses", schema="cathouse")
    op.drop_index(op.f("ix_permission_uses_at"), table_name="permission_uses", schema="cathouse")
    op.drop_table("permission_uses", schema="cathouse")
    op.drop_index(op.f("ix_notifications_user_id_created_at_id"), table_name="notifications", schema="cathouse")
    op.drop_index(
        "ix_notifications_unread",
        table_name="notifications",
        schema="cathouse",
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.drop_index(op.f("ix_notifications_installation_id_created_at"), table_name="notifications", schema="cathouse")
    op.drop_table("notifications", schema="cathouse")
    op.drop_index(
        op.f("ix_lifecycle_events_installation_id_sequence"), table_name="lifecycle_events", schema="cathouse"
    )
    op.drop_index(
        "ix_lifecycle_events_due",
        table_name="lifecycle_events",
        schema="cathouse",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_table("lifecycle_events", schema="cathouse")
    op.drop_index(op.f("ix_interactions_installation_id_at"), table_name="interactions", schema="cathouse")
    op.drop_index(op.f("ix_interactions_cat_id_at"), table_name="interactions", schema="cathouse")
    op.drop_index(op.f("ix_interactions_at"), table_name="interactions", schema="cathouse")
    op.drop_table("interactions", schema="cathouse")
    op.drop_index(
        op.f("ix_installation_permissions_permission_id"), table_name="installation_permissions", schema="cathouse"
    )
    op.drop_table("installation_permissions", schema="cathouse")
    op.drop_index(
        "ix_releases_effective",
        table_name="releases",
        schema="cathouse",
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.drop_table("releases", schema="cathouse")
    op.drop_index(op.f("ix_player_aliases_cat_id"), table_name="player_aliases", schema="cathouse")
    op.drop_table("player_aliases", schema="cathouse")
    op.drop_table("permissions", schema="cathouse")
    op.drop_index(
        "uq_installations_living_name",
        table_name="installations",
        schema="cathouse",
        postgresql_where=sa.text("status <> 'uninstalled'"),
    )
    op.drop_index(op.f("ix_installations_user_id_status"), table_name="installations", schema="cathouse")
    op.drop_index(op.f("ix_installations_user_id_created_at_id"), table_name="installations", schema="cathouse")
    op.drop_index(
        "ix_installations_to_purge",
        table_name="installations",
        schema="cathouse",
        postgresql_where=sa.text("uninstalled_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_installations_cat_id"), table_name="installations", schema="cathouse")
    op.drop_table("installations", schema="cathouse")
    op.drop_index(op.f("ix_cat_search_trigrams"), table_name="cat_search", schema="cathouse", postgresql_using="gin")
    op.drop_index(op.f("ix_cat_search_popularity_cat_id"), table_name="cat_search", schema="cathouse")
    op.drop_index(
        op.f("ix_cat_search_embedding"),
        table_name="cat_search",
        schema="cathouse",
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    op.drop_index(op.f("ix_cat_search_document"), table_name="cat_search", schema="cathouse", postgresql_using="gin")
    op.drop_table("cat_search", schema="cathouse")
    op.drop_index(op.f("ix_cat_reports_state_created_at_id"), table_name="cat_reports", schema="cathouse")
    op.drop_index(op.f("ix_cat_reports_reporter_id"), table_name="cat_reports", schema="cathouse")
    op.drop_index(op.f("ix_cat_reports_cat_id"), table_name="cat_reports", schema="cathouse")
    op.drop_table("cat_reports", schema="cathouse")
    op.drop_table("user_preferences", schema="cathouse")
    op.drop_index(
        "ix_sessions_user_id_living",
        table_name="sessions",
        schema="cathouse",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions", schema="cathouse")
    op.drop_table("sessions", schema="cathouse")
    op.drop_table("second_factors", schema="cathouse")
    op.drop_index(op.f("ix_one_time_tokens_user_id_purpose"), table_name="one_time_tokens", schema="cathouse")
    op.drop_index(op.f("ix_one_time_tokens_expires_at"), table_name="one_time_tokens", schema="cathouse")
    op.drop_table("one_time_tokens", schema="cathouse")
    op.drop_index(
        "ix_erasures_due",
        table_name="erasures",
        schema="cathouse",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_table("erasures", schema="cathouse")
    op.drop_index(op.f("ix_cats_tags"), table_name="cats", schema="cathouse", postgresql_using="gin")
    op.drop_index(op.f("ix_cats_status"), table_name="cats", schema="cathouse")
    op.drop_index(
        "ix_cats_newest", table_name="cats", schema="cathouse", postgresql_where=sa.text("status = 'published'")
    )
    op.drop_index(
        "ix_cats_name", table_name="cats", schema="cathouse", postgresql_where=sa.text("status = 'published'")
    )
    op.drop_index(op.f("ix_cats_developer_id_status"), table_name="cats", schema="cathouse")
    op.drop_table("cats", schema="cathouse")
    op.drop_index(op.f("ix_api_keys_user_id"), table_name="api_keys", schema="cathouse")
    op.drop_table("api_keys", schema="cathouse")
    op.drop_index(op.f("ix_users_role"), table_name="users", schema="cathouse")
    op.drop_index(op.f("ix_users_created_at_id"), table_name="users", schema="cathouse")
    op.drop_table("users", schema="cathouse")
    op.drop_index(
        "uq_signing_keys_active",
        table_name="signing_keys",
        schema="cathouse",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.drop_table("signing_keys", schema="cathouse")
    op.drop_index(op.f("ix_login_attempts_updated_at"), table_name="login_attempts", schema="cathouse")
    op.drop_table("login_attempts", schema="cathouse")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys", schema="cathouse")
    op.drop_table("idempotency_keys", schema="cathouse")
    op.drop_index(op.f("ix_audit_events_at_id"), table_name="audit_events", schema="cathouse")
    op.drop_index(op.f("ix_audit_events_actor_id_at"), table_name="audit_events", schema="cathouse")
    op.drop_index(op.f("ix_audit_events_action_at"), table_name="audit_events", schema="cathouse")
    op.drop_table("audit_events", schema="cathouse")
    op.drop_index(op.f("ix_audit_addresses_created_at"), table_name="audit_addresses", schema="cathouse")
    op.drop_table("audit_addresses", schema="cathouse")
