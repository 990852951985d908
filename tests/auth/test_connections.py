"""auth-service holds neither a connection nor anybody else up while it hashes."""

import asyncio
import time
from collections import Counter
from statistics import mean

import psutil
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.accounts import passwords as passwords_module
from auth_service.accounts.passwords import LONGEST_QUEUE, Passwords
from auth_service.client import Client
from auth_service.jwt_secrets import JwtSecrets
from auth_service.mails.service import MailService
from auth_service.recovery.service import RecoveryService
from auth_service.registration.schemas import Registration
from auth_service.registration.service import RegistrationService
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from tests.factories.accounts import registration
from tests.fixtures.house import JWT_SECRET, House

pytestmark = pytest.mark.full_hashes


async def test_the_one_connection_is_free_while_passwords_are_hashed(clean_db: DatabaseUrl) -> None:
    settings = DatabaseSettings(
        _env_file=None, database_url=SecretStr(clean_db.for_libpq()), db_pool_size=1, db_max_overflow=0
    )
    database = Database.from_settings(settings, "auth")
    passwords = Passwords(threads=1)
    passwords._hasher = PasswordHasher(time_cost=60, memory_cost=19456, parallelism=1)  # half a second a hash
    secrets = JwtSecrets.parse(JWT_SECRET)
    mails = MailService(database, secrets, None)
    recovery = RecoveryService(database, passwords, mails)
    registrations = RegistrationService(database, passwords, mails, recovery, requires_verification=False)
    client = Client(user_agent=None, ip=None)
    registering = [
        asyncio.create_task(registrations.register(Registration(**registration()), client)) for _ in range(3)
    ]
    await asyncio.sleep(0.05)
    assert database.pool_state() == {"size": 1, "max": 1, "in_use": 0, "waiting": 0}
    await database.read(lambda session: session.execute(text("SELECT 1")))
    assert not any(task.done() for task in registering)
    await asyncio.gather(*registering)
    passwords.close()
    await database.close()


async def test_more_log_ins_than_can_be_hashed_are_told_to_come_back(house: House) -> None:
    def body(number: int) -> dict[str, str]:
        return {"email": f"nobody-{number}@example.com", "password": "wrong"}

    answers = await asyncio.gather(
        *(house.call("auth", "POST", "/api/v1/auth/login", body(number), expect=None) for number in range(120))
    )
    codes = {answer.json()["code"] for answer in answers}
    assert codes == {"invalid_credentials", "hashing_busy"}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["retry-after"] == "1"
    await house.call("auth", "GET", "/health")


SLOW_ITERATIONS = 12
"""A hash of more than 0.1 s, so that fifty log-ins overlap on any machine; its memory is that of a usual one."""

QUICK_S = 2.0
GROWTH = 300 * 2**20
"""Bytes: two threads hash, 19 MiB each; the rest is what fifty connections and a busy allocator take. Fifty hashes at
the same time would take 950 MiB.
"""


@pytest.fixture
def slow_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the house is built."""
    monkeypatch.setattr(passwords_module, "ITERATIONS", SLOW_ITERATIONS)


async def test_fifty_log_ins_at_once_leave_the_service_quick_and_small(slow_hashes: None, house: House) -> None:
    def body(number: int) -> dict[str, str]:
        return {"email": f"nobody-{number}@example.com", "password": "wrong"}

    process = psutil.Process()
    before, largest, begun = process.memory_info().rss, 0, time.monotonic()
    logging_in = asyncio.gather(
        *(house.call("auth", "POST", "/api/v1/auth/login", body(number), expect=None) for number in range(50))
    )
    took: list[float] = []
    while not logging_in.done():
        asked = time.monotonic()
        await house.call("auth", "GET", "/health")
        took.append(time.monotonic() - asked)
        largest = max(largest, process.memory_info().rss)
        await asyncio.sleep(0.02)
    answers, lasted = await logging_in, time.monotonic() - begun
    told = Counter((answer.status_code, answer.json()["code"]) for answer in answers)
    assert set(told) == {(401, "invalid_credentials"), (503, "hashing_busy")}
    hashed = told[401, "invalid_credentials"]
    assert hashed >= LONGEST_QUEUE
    assert len(took) >= 10
    assert max(took) < QUICK_S
    assert mean(took) < lasted / hashed  # less than a hash: nobody waits for one who only asks how we are
    assert largest - before < GROWTH
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)


async def test_no_answer_says_yes_before_the_commit(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION break_down() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'nobody expects this'; END $$"
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
    assert "expects" not in answer.text
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cathouse.users")) == 0
