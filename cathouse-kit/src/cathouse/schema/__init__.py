"""Every table of Cat House, under one MetaData.

They live in one package because they refer to one another by real foreign keys across services; each module
says who owns its table. Importing this package registers all of them.
"""

from cathouse.schema.api_keys import ApiKey
from cathouse.schema.audit_addresses import AuditAddress
from cathouse.schema.audit_events import AuditEvent
from cathouse.schema.base import SCHEMA, Base
from cathouse.schema.cat_reports import CatReport, ReportReason, ReportState
from cathouse.schema.cat_search import (
    EMBEDDING_DIMENSIONS,
    LOWEST_TIER,
    SEARCH_CONFIGURATION,
    STEMMING_CONFIGURATION,
    TIER_ENDS,
    CatSearch,
    fold,
    is_ideograph,
    search_document,
    words_of,
)
from cathouse.schema.cats import DEVELOPER_GONE, Cat, CatStatus
from cathouse.schema.erasures import Erasure, ErasureStep
from cathouse.schema.idempotency_keys import IdempotencyKey
from cathouse.schema.installation_permissions import InstallationPermission
from cathouse.schema.installations import (
    Installation,
    InstallationStatus,
    effective_release,
    granted_now,
    is_active,
)
from cathouse.schema.interactions import CLIENT_LEFT, Interaction, InteractionKind
from cathouse.schema.lifecycle_events import LifecycleEvent, LifecycleEventType
from cathouse.schema.login_attempts import LoginAttempt
from cathouse.schema.mails import Mail
from cathouse.schema.moderation_entries import ModerationAction, ModerationEntry
from cathouse.schema.notifications import Notification
from cathouse.schema.one_time_tokens import OneTimeToken, TokenPurpose
from cathouse.schema.permission_uses import LONGEST_ACTION, PermissionUse
from cathouse.schema.permissions import Permission, PermissionType
from cathouse.schema.player_aliases import PlayerAlias
from cathouse.schema.player_secrets import PlayerSecret
from cathouse.schema.release_permissions import ReleasePermission
from cathouse.schema.releases import Release
from cathouse.schema.search_words import LONGEST_WORD, SearchWord
from cathouse.schema.second_factors import SecondFactor, SecondFactorKind
from cathouse.schema.sessions import Session
from cathouse.schema.signing_keys import SigningKey, SigningKeyState
from cathouse.schema.stored_values import StoredValue
from cathouse.schema.tasks import Task, TaskPriority, TaskStatus
from cathouse.schema.user_preferences import UserPreferences
from cathouse.schema.users import LONG_PASSWORD, Role, User

HEAD_REVISION = "0012"
"""Alembic's head (a test holds it there): how a service tells that the database is behind."""

__all__ = [
    "CLIENT_LEFT",
    "DEVELOPER_GONE",
    "EMBEDDING_DIMENSIONS",
    "HEAD_REVISION",
    "LONGEST_ACTION",
    "LONGEST_WORD",
    "LONG_PASSWORD",
    "LOWEST_TIER",
    "SCHEMA",
    "SEARCH_CONFIGURATION",
    "STEMMING_CONFIGURATION",
    "TIER_ENDS",
    "ApiKey",
    "AuditAddress",
    "AuditEvent",
    "Base",
    "Cat",
    "CatReport",
    "CatSearch",
    "CatStatus",
    "Erasure",
    "ErasureStep",
    "IdempotencyKey",
    "Installation",
    "InstallationPermission",
    "InstallationStatus",
    "Interaction",
    "InteractionKind",
    "LifecycleEvent",
    "LifecycleEventType",
    "LoginAttempt",
    "Mail",
    "ModerationAction",
    "ModerationEntry",
    "Notification",
    "OneTimeToken",
    "Permission",
    "PermissionType",
    "PermissionUse",
    "PlayerAlias",
    "PlayerSecret",
    "Release",
    "ReleasePermission",
    "ReportReason",
    "ReportState",
    "Role",
    "SearchWord",
    "SecondFactor",
    "SecondFactorKind",
    "Session",
    "SigningKey",
    "SigningKeyState",
    "StoredValue",
    "Task",
    "TaskPriority",
    "TaskStatus",
    "TokenPurpose",
    "User",
    "UserPreferences",
    "effective_release",
    "fold",
    "granted_now",
    "is_active",
    "is_ideograph",
    "search_document",
    "words_of",
]
