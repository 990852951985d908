"""What installation-service keeps, in any number: what L3 measures on, and what its plans are explained on."""

import uuid
from dataclasses import dataclass

from sqlalchemy import Engine, text

OF_THE_WATCHED = 300
"""Rows of each kind that are the watched player's or installation's, whatever the number."""

OLD = 5_000
"""Interactions, and uses of permissions, that have had their time: about what an hour adds to a million of a month."""

_STATEMENTS = (
    """
    CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
    WITH listed AS (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS cats FROM cathouse.cats)
    SELECT number, md5('home' || number)::uuid AS id, md5('player' || number)::uuid AS user_id,
        CASE WHEN number % 5 = 0 THEN CAST(:cat_id AS uuid) ELSE listed.id END AS cat_id
    FROM generate_series(0, :installations - 1) AS number
    JOIN listed ON listed.place = number % listed.cats""",
    """
    INSERT INTO cathouse.users (id, email, email_key, display_name)
    SELECT user_id, user_id || '@example.com', user_id || '@example.com', 'Mia' FROM numbered""",
    """
    INSERT INTO cathouse.installations (id, user_id, cat_id, consent_epoch, instance_name, created_at)
    SELECT id, user_id, cat_id, 1, 'Misty', now() - random() * interval '300 days' FROM numbered
    UNION ALL
    SELECT gen_random_uuid(), :user_id, id, 1, 'Misty ' || number, now() - random() * interval '300 days'
    FROM (SELECT id FROM cathouse.cats ORDER BY id LIMIT 1) AS cat, generate_series(1, :watched) AS number""",
    "INSERT INTO cathouse.player_aliases (user_id, cat_id) SELECT user_id, cat_id FROM numbered",
    """
    INSERT INTO cathouse.interactions (installation_id, cat_id, kind, status_code, duration_ms, at)
    SELECT id, cat_id, 'interaction', 200, 20, now() - random() * interval '29 days'
    FROM generate_series(1, :rows) AS each JOIN numbered ON number = each % :installations
    UNION ALL
    SELECT id, cat_id, 'interaction', 200, 20, now() - interval '30 days' - random() * interval '1 hour'
    FROM generate_series(1, :old) AS each JOIN numbered ON number = each % :installations
    UNION ALL
    SELECT :installation_id, :cat_id, 'interaction', 200, 20, now() - random() * interval '29 days'
    FROM generate_series(1, :watched)""",
    """
    INSERT INTO cathouse.permission_uses (installation_id, permission_type, action, at)
    SELECT id, 'storage', 'get', now() - random() * interval '29 days'
    FROM generate_series(1, :rows / 5) AS each JOIN numbered ON number = each % :installations
    UNION ALL
    SELECT id, 'storage', 'get', now() - interval '30 days' - random() * interval '1 hour'
    FROM generate_series(1, :old) AS each JOIN numbered ON number = each % :installations
    UNION ALL
    SELECT :installation_id, 'storage', 'get', now() - random() * interval '29 days'
    FROM generate_series(1, :watched)""",
    """
    INSERT INTO cathouse.stored_values (installation_id, key, value)
    SELECT id, 'mood/' || each, CAST('{"purrs": 3}' AS jsonb)
    FROM numbered, generate_series(1, :rows / :installations) AS each
    UNION ALL
    SELECT :installation_id, 'mood/' || each, CAST('{"purrs": 3}' AS jsonb)
    FROM generate_series(1, :watched) AS each""",
    """
    INSERT INTO cathouse.notifications (installation_id, user_id, title, body, read_at, created_at)
    SELECT id, user_id, 'Meow', 'It rained.', CASE WHEN number % 2 = 0 THEN now() END,
        now() - random() * interval '300 days' FROM numbered
    UNION ALL
    SELECT :installation_id, :user_id, 'Meow', 'It rained.', CASE WHEN each % 2 = 0 THEN now() END,
        now() - random() * interval '300 days' FROM generate_series(1, :watched) AS each""",
    """
    INSERT INTO cathouse.tasks (user_id, installation_id, title, status, priority, due_date, tags, completed_at,
        created_at)
    SELECT user_id, id, 'Feed the cat', status, CASE WHEN number % 3 = 0 THEN 'high' ELSE 'medium' END,
        now() + random() * interval '30 days' - interval '15 days', ARRAY['home', 'tag' || number % 50],
        CASE WHEN status = 'completed' THEN now() END, now() - random() * interval '300 days'
    FROM (
        SELECT user_id, id, number, CASE WHEN number % 4 = 0 THEN 'pending' ELSE 'completed' END AS status
        FROM numbered
        UNION ALL
        SELECT :user_id, :installation_id, each, CASE WHEN each % 4 = 0 THEN 'pending' ELSE 'completed' END
        FROM generate_series(1, :watched) AS each
    ) AS tasks""",
)


@dataclass(frozen=True, slots=True)
class Watched:
    """The installation that is looked at, its player, and its cat: a fifth of all others have installed it as well."""

    installation_id: uuid.UUID
    user_id: uuid.UUID
    cat_id: uuid.UUID


def keep(engine: Engine, rows: int, watched: Watched, *, in_haste: bool = False) -> None:
    """Keep ``rows`` interactions and as many stored values, and a tenth as many of what else there is of a home.

    The cats are there already, and so is what is watched. ``in_haste`` foreign keys are not checked, which takes a
    superuser and most of the time of a million rows.
    """
    given = {
        "rows": rows,
        "installations": rows // 10,
        "watched": OF_THE_WATCHED,
        "old": OLD,
        "installation_id": watched.installation_id,
        "user_id": watched.user_id,
        "cat_id": watched.cat_id,
    }
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        if in_haste:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _STATEMENTS:
            names = {name: value for name, value in given.items() if f":{name}" in statement}
            connection.execute(text(statement), names)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
