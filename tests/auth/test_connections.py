"""auth-service holds no connection while it hashes."""

import asyncio

from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.accounts.passwords import Passwords
from auth_service.accounts.schemas import Registration
from auth_service.accounts.service import AccountService
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from tests.factories.accounts import registration
from tests.fixtures.house import House


async def test_the_one_connection_is_free_while_passwords_are_hashed(clean_db: DatabaseUrl) -> None:
    settings = DatabaseSettings(
        _env_file=None, database_url=SecretStr(clean_db.for_libpq()), db_pool_size=1, db_max_overflow=0
    )
    database = Database.from_settings(settings, "auth")
    passwords = Passwords(threads=1)
    passwords._hasher = PasswordHasher(time_cost=60, memory_cost=19456, parallelism=1)  # half a second a hash
    accounts = AccountService(database, passwords)
    registering = [asyncio.create_task(accounts.register(Registration(**registration()))) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert database.pool_state() == {"size": 1, "max": 1, "in_use": 0, "waiting": 0}
    async with asyncio.timeout(0.4):
        await database.read(lambda session: session.execute(text("SELECT 1")))
    assert not any(task.done() for task in registering)
    await asyncio.gather(*registering)
    passwords.close()
    await database.close()


async def test_more_log_ins_than_can_be_hashed_are_told_to_come_back(house: House) -> None:
    person = await house.register()
    body = {"email": person.email, "password": "wrong"}
    answers = await asyncio.gather(
        *(house.call("auth", "POST", "/api/v1/auth/login", body, expect=None) for _ in range(60))
    )
    codes = {answer.json()["code"] for answer in answers}
    assert codes == {"invalid_credentials", "hashing_busy"}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["retry-after"] == "1"
    await house.call("auth", "GET", "/health")


async def test_no_answer_says_yes_before_the_commit(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION break_down() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON cathouse.users DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION break_down()"
            )
        )
    origin = {"Origin": "http://localhost:3000"}
    body = registration()
    answer = await house.call("auth", "POST", "/api/v1/auth/register", body, headers=origin, expect=500)
    assert answer.headers["access-control-allow-origin"] == origin["Origin"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "disk" not in answer.text
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cathouse.users")) == 0
