"""The seed: complete, repeatable, also from partial data, and never in production."""

import pytest
from sqlalchemy import Engine, delete, func, select, text

from cathouse.configuration import ConfigurationError
from cathouse.local.seed import seed
from cathouse.local.seed_data import CATS, PLAYER, TASKS, USERS
from cathouse.schema import Cat, Installation, Permission, Release, Task, User

URL = "http://127.0.0.1:8010"


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            model.__tablename__: connection.scalar(select(func.count()).select_from(model)) or 0
            for model in (User, Cat, Release, Permission, Task, Installation)
        }


def test_it_is_complete_and_running_it_again_changes_nothing(owner_engine: Engine) -> None:
    first = seed(owner_engine, demo_cat_url=URL, environment="development")
    assert (first.users, first.cats, first.tasks) == (len(USERS), len(CATS), len(TASKS))
    before = counts(owner_engine)
    again = seed(owner_engine, demo_cat_url=URL, environment="development")
    assert (again.users, again.cats, again.tasks) == (0, 0, 0)
    assert counts(owner_engine) == before
    with owner_engine.connect() as connection:
        states = connection.execute(text("SELECT status, count(*) FROM cathouse.tasks GROUP BY status")).all()
        assert {tuple(row) for row in states} == {("pending", 2), ("completed", 3)}
        stored = connection.scalar(select(User.password_hash).where(User.email_key == PLAYER.email))
        assert stored is not None
        assert stored.startswith("$argon2id$")


def test_it_mends_partial_data_and_leaves_what_is_there(owner_engine: Engine) -> None:
    seed(owner_engine, demo_cat_url=URL, environment="development")
    before = counts(owner_engine)
    with owner_engine.begin() as connection:
        connection.execute(delete(Task).where(Task.title == TASKS[0].title))
        connection.execute(delete(Cat).where(Cat.slug == CATS[1].slug))
        connection.execute(
            text("UPDATE cathouse.users SET display_name = 'Renamed' WHERE email_key = 'test@example.com'")
        )
    again = seed(owner_engine, demo_cat_url=URL, environment="development")
    assert (again.users, again.cats, again.tasks) == (0, 1, 1)
    assert counts(owner_engine) == before
    with owner_engine.connect() as connection:
        name = connection.scalar(select(User.display_name).where(User.email_key == PLAYER.email))
    assert name == "Renamed"


def test_an_account_that_was_there_before_gets_its_tasks(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cathouse.users (email, email_key, display_name)"
                " VALUES ('Test@example.com', 'test@example.com', 'Mine')"
            )
        )
    assert seed(owner_engine, demo_cat_url=URL, environment="development").users == len(USERS) - 1
    with owner_engine.connect() as connection:
        query = select(func.count()).select_from(Task).join(User).where(User.display_name == "Mine")
        assert connection.scalar(query) == len(TASKS)


def test_the_cats_follow_the_demo_process_to_another_port(owner_engine: Engine) -> None:
    seed(owner_engine, demo_cat_url=URL, environment="development")
    seed(owner_engine, demo_cat_url="http://127.0.0.1:9999", environment="development")
    with owner_engine.connect() as connection:
        urls = {*connection.scalars(select(Cat.endpoint_url)), *connection.scalars(select(Release.endpoint_url))}
    assert urls == {f"http://127.0.0.1:9999/{cat.slug}" for cat in CATS}


def test_production_is_refused(owner_engine: Engine) -> None:
    with pytest.raises(ConfigurationError, match="production"):
        seed(owner_engine, demo_cat_url=URL, environment="production")
    assert counts(owner_engine)["users"] == 0
