"""All SQL about upgrades."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from cathouse.database import AnyRow
from cathouse.schema import (
    Cat,
    Installation,
    InstallationPermission,
    LifecycleEventType,
    PlayerSecret,
    Release,
    effective_release,
)
from installation_service.installations.repository import (
    given_secrets,
    grant_rows,
    latest_release,
    requested_permissions,
    secret_rows,
)
from installation_service.lifecycle.repository import event_of


@dataclass(frozen=True, slots=True)
class Consent:
    """What the player agreed to."""

    consent_epoch: int
    config: Mapping[str, Any]
    grants: Mapping[uuid.UUID, bool]
    wrapped_secrets: Mapping[str, bytes]
    secrets_key_id: str
    kept_secrets: Collection[str]
    takes_back: bool


async def find_offer(session: AsyncSession, installation_id: uuid.UUID) -> AnyRow:
    """The newest release beside what the installation runs now; ``id`` is null when it is no newer."""
    effective = effective_release(Release.precedence, Release.secrets)
    latest = latest_release(Release.consent_epoch, Release.config_schema)
    query = (
        select(
            case((latest.c.precedence > effective.c.precedence, latest.c.id)).label("id"),
            latest.c.version,
            latest.c.consent_epoch,
            latest.c.config_schema,
            latest.c.secrets,
            effective.c.secrets.label("secrets_before"),
            requested_permissions(latest.c.id).label("permissions"),
            given_secrets().label("given"),
        )
        .select_from(Installation)
        .join(Cat, Cat.id == Installation.cat_id)
        .outerjoin(effective, true())
        .outerjoin(latest, true())
        .where(Installation.id == installation_id)
    )
    return (await session.execute(query)).one()


async def keep_consent(session: AsyncSession, installation_id: uuid.UUID, cat_id: uuid.UUID, consent: Consent) -> None:
    """Write down all that the player agreed to, and the event of it, in one statement."""
    statement = (
        update(Installation)
        .where(Installation.id == installation_id)
        .values(
            consent_epoch=consent.consent_epoch,
            config=consent.config,
            grant_generation=Installation.grant_generation + int(consent.takes_back),
        )
        .add_cte(event_of(installation_id, cat_id, LifecycleEventType.UPGRADED).cte("event"))
        .add_cte(
            delete(PlayerSecret)
            .where(
                PlayerSecret.installation_id == installation_id,
                PlayerSecret.name.not_in({*consent.kept_secrets, *consent.wrapped_secrets}),
            )
            .cte("undeclared")
        )
    )
    if consent.grants:
        answers = upsert(InstallationPermission).values(grant_rows(installation_id, consent.grants))
        answers = answers.on_conflict_do_update(
            constraint="pk_installation_permissions",
            set_={"granted": answers.excluded.granted, "granted_at": answers.excluded.granted_at},
            where=InstallationPermission.granted != answers.excluded.granted,
        )
        statement = statement.add_cte(answers.cte("grants"))
    if consent.wrapped_secrets:
        secrets = upsert(PlayerSecret).values(
            secret_rows(installation_id, consent.wrapped_secrets, key_id=consent.secrets_key_id)
        )
        secrets = secrets.on_conflict_do_update(
            constraint="pk_player_secrets",
            set_={"wrapped_value": secrets.excluded.wrapped_value, "key_id": secrets.excluded.key_id},
        )
        statement = statement.add_cte(secrets.cte("secrets"))
    await session.execute(statement)
