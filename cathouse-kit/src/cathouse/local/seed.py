"""Writing the seed: idempotent, also from partial data, and never in production."""

import datetime as dt
import uuid
from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from cathouse.configuration import ConfigurationError
from cathouse.local.seed_data import CATS, DEVELOPER, PLAYER, TASKS, USERS, SeedCat, SeedTask, SeedUser, seed_id
from cathouse.schema import (
    LONG_PASSWORD,
    Cat,
    CatSearch,
    CatStatus,
    Permission,
    Release,
    ReleasePermission,
    Task,
    TaskStatus,
    User,
    UserPreferences,
    search_document,
)

SEEDED_ROOT = "r1"
"""The id of the root secret that the seeded cats' secrets are derived from."""

VERSION = "1.0.0"

# OWASP's minimum, as auth-service uses it (auth_service.accounts.passwords); a test logs in with the result.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows were new."""

    users: int
    cats: int
    tasks: int


def seed(engine: Engine, *, demo_cat_url: str, environment: str) -> Seeded:
    """Write what is missing of the seed, in one transaction; what is there stays as it is, but for the cats' endpoints.

    ``demo_cat_url`` is where the demo process answers; each seeded cat has a path of its own below it.

    Raises:
        ConfigurationError: in production: the seeded passwords are public.
    """
    if environment == "production":
        raise ConfigurationError("the seed refuses to run in production: its passwords are public")
    with engine.begin() as connection:
        ids = {user.email: _seed_user(connection, user) for user in USERS}
        cats = [_seed_cat(connection, cat, developer_id=ids[DEVELOPER.email][0], url=demo_cat_url) for cat in CATS]
        tasks = [_seed_task(connection, task, user_id=ids[PLAYER.email][0]) for task in TASKS]
    return Seeded(users=sum(new for _, new in ids.values()), cats=sum(cats), tasks=sum(tasks))


def _seed_user(connection: Connection, user: SeedUser) -> tuple[uuid.UUID, bool]:
    found = connection.scalar(select(User.id).where(User.email_key == user.email))
    if found is not None:
        _seed_preferences(connection, found)
        return found, False
    connection.execute(
        insert(User).values(
            id=user.id,
            email=user.email,
            email_key=user.email,
            email_verified_at=func.now(),
            password_hash=_HASHER.hash(user.password),
            password_is_long=len(user.password) >= LONG_PASSWORD,
            role=user.role,
            display_name=user.display_name,
        )
    )
    _seed_preferences(connection, user.id)
    return user.id, True


def _seed_preferences(connection: Connection, user_id: uuid.UUID) -> None:
    connection.execute(
        upsert(UserPreferences).values(user_id=user_id).on_conflict_do_nothing(index_elements=[UserPreferences.user_id])
    )


def _seed_cat(connection: Connection, cat: SeedCat, *, developer_id: uuid.UUID, url: str) -> bool:
    endpoint_url = f"{url}/{cat.slug}"
    is_new = connection.scalar(
        upsert(Cat)
        .values(
            id=cat.id,
            developer_id=developer_id,
            slug=cat.slug,
            name=cat.name,
            description=cat.description,
            version=VERSION,
            endpoint_url=endpoint_url,
            status=CatStatus.PUBLISHED,
            tags=list(cat.tags),
            signing_root=SEEDED_ROOT,
        )
        .on_conflict_do_nothing()
        .returning(Cat.id)
    )
    if connection.scalar(select(Cat.id).where(Cat.id == cat.id)) is None:
        return False  # somebody else's cat has the slug
    release_id = seed_id(f"{cat.slug} {VERSION}")
    connection.execute(
        upsert(Release)
        .values(
            id=release_id,
            cat_id=cat.id,
            version=VERSION,
            endpoint_url=endpoint_url,
            changelog="First release.",
            published_at=func.now(),
        )
        .on_conflict_do_nothing()
    )
    # The demo process may have moved to another port; its signed messages must not go to whatever has the old one.
    for model, row_id in ((Cat, cat.id), (Release, release_id)):
        moved = update(model).where(model.id == row_id, model.endpoint_url != endpoint_url)
        connection.execute(moved.values(endpoint_url=endpoint_url))
    for kind, (description, required) in cat.permissions.items():
        permission_id = seed_id(f"{cat.slug} {kind}")
        asked = {"description": description, "required": required}
        connection.execute(
            upsert(Permission)
            .values(id=permission_id, cat_id=cat.id, permission_type=kind, **asked)
            .on_conflict_do_nothing()
        )
        connection.execute(
            upsert(ReleasePermission)
            .values(release_id=release_id, permission_id=permission_id, **asked)
            .on_conflict_do_nothing()
        )
    _seed_search(connection, cat)
    return is_new is not None


def _seed_search(connection: Connection, cat: SeedCat) -> None:
    document = search_document(
        name=cat.name, tags=cat.tags, description=cat.description, developer=DEVELOPER.display_name
    )
    # Without a time: catalog-service makes it anew when it starts, its words' part of the vocabulary included.
    connection.execute(upsert(CatSearch).values(cat_id=cat.id, document=document).on_conflict_do_nothing())


def _seed_task(connection: Connection, task: SeedTask, *, user_id: uuid.UUID) -> bool:
    if connection.scalar(select(Task.id).where(Task.user_id == user_id, Task.title == task.title)) is not None:
        return False
    now = dt.datetime.now(dt.UTC)
    done = task.done_days_ago is not None
    connection.execute(
        insert(Task).values(
            user_id=user_id,
            title=task.title,
            description=task.description,
            status=TaskStatus.COMPLETED if done else TaskStatus.PENDING,
            priority=task.priority,
            tags=list(task.tags),
            due_date=now + dt.timedelta(days=task.due_in_days) if task.due_in_days is not None else None,
            completed_at=now - dt.timedelta(days=task.done_days_ago) if task.done_days_ago is not None else None,
        )
    )
    return True
