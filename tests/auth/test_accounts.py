"""Registration and profiles."""

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import repository
from auth_service.accounts.errors import EmailTakenError
from cathouse.schema import AuditEvent, Role, User, UserPreferences
from tests.factories.accounts import PASSWORD, email, registration, user
from tests.fixtures.house import House, directly

REGISTER = "/api/v1/auth/register"
ME = "/api/v1/users/me"


async def test_a_new_account_is_shown_without_anything_secret(house: House) -> None:
    body = registration(display_name=" Mia ")
    made = (await house.call("auth", "POST", REGISTER, body, expect=201)).json()
    assert made["email"] == body["email"]
    assert made["display_name"] == "Mia"
    assert (made["role"], made["has_password"], made["totp_enabled"], made["email_verified"]) == (
        "player",
        True,
        False,
        False,
    )
    assert made["created_at"].endswith("Z")
    assert "password" not in {name for name in made if name != "has_password"}
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(UserPreferences)) == 1
        assert connection.scalar(select(AuditEvent.action)) == "user.registered"


async def test_an_address_is_taken_in_whatever_case(house: House) -> None:
    body = registration()
    await house.call("auth", "POST", REGISTER, body, expect=201)
    again = await house.call("auth", "POST", REGISTER, {**body, "email": body["email"].upper()}, expect=409)
    assert again.json()["code"] == "email_taken"


async def test_two_registrations_in_the_same_instant_make_one_account(house: House) -> None:
    address = email()
    bodies = [registration(email=spelling) for spelling in (address, address.upper(), address.title(), address)]
    answers = await asyncio.gather(*(house.call("auth", "POST", REGISTER, body, expect=None) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(User)) == 1


@directly
@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"email": "no-address"}, "body.email"),
        ({"email": "müller@example.com"}, "body.email"),
        ({"email": "a@localhost"}, "body.email"),
        ({"display_name": "  "}, "body.display_name"),
        ({"display_name": "x" * 81}, "body.display_name"),
        ({"display_name": "a\x00b"}, "body"),
        ({"role": "admin"}, "body.role"),
        ({"is_active": False}, "body.is_active"),
        ({"id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b"}, "body.id"),
        ({"password": "p" * 2000}, "body.password"),
    ],
)
async def test_what_is_wrong_is_located_and_not_repeated(
    house: House, changes: dict[str, object], location: str
) -> None:
    answer = await house.call("auth", "POST", REGISTER, registration(**changes), expect=422)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "validation_failed"
    assert location in {error["location"] for error in problem["errors"]}
    assert PASSWORD not in answer.text
    assert "p" * 100 not in answer.text


@directly
@pytest.mark.parametrize(("role", "password"), [("player", "seven77"), ("developer", "fourteen chars")])
async def test_a_short_password_is_refused_by_role(house: House, role: str, password: str) -> None:
    answer = await house.call("auth", "POST", REGISTER, registration(role=role, password=password), expect=422)
    assert answer.json()["code"] == "password_too_weak"


@directly
@pytest.mark.parametrize(
    "password",
    [
        "password1",
        "Trustno1!",
        "ILOVEYOU",
        "qwertyuiop",
        "mia.mouse@example.com",
        "MiaMouse",
        "miamouse1!",
        "CatHouse2026",
        "mousemouse",
    ],
)
async def test_a_password_that_is_guessed_first_is_refused(house: House, password: str) -> None:
    body = registration(email="mia.mouse@example.com", display_name="Mia Mouse", password=password)
    answer = await house.call("auth", "POST", REGISTER, body, expect=422)
    assert answer.json()["code"] == "password_too_weak"
    assert password not in answer.text


@directly
@pytest.mark.parametrize("password", ["mouse trap 77 tower", "äußerst-geheim", "паролькотика", "12 34 56 78 mice"])
async def test_an_uncommon_password_is_taken_whatever_its_characters(house: House, password: str) -> None:
    body = registration(email="mia.mouse@example.com", display_name="Mia Mouse", password=password)
    await house.call("auth", "POST", REGISTER, body, expect=201)


async def test_a_profile_is_changed_in_part(house: House) -> None:
    person = await house.register()
    changed = (await house.call("auth", "PATCH", ME, {"timezone": "Europe/Berlin"}, person=person)).json()
    assert changed["timezone"] == "Europe/Berlin"
    read = (await house.call("auth", "GET", ME, person=person)).json()
    assert read == changed
    assert read["updated_at"] > read["created_at"]
    await house.call("auth", "PATCH", ME, {"timezone": "Mars/Olympus"}, person=person, expect=422)
    await house.call("auth", "PATCH", ME, {"role": "admin"}, person=person, expect=422)


async def test_nobody_is_nobody(house: House) -> None:
    answer = await house.call("auth", "GET", ME, expect=401)
    assert answer.json()["code"] == "authentication_required"
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_repository_keeps_one_address_once(db_session: AsyncSession) -> None:
    taken = user()
    db_session.add(taken)
    await db_session.commit()  # rolled back when the test ends, all the same
    again = repository.NewUser(taken.email, taken.email_key, "Again", Role.PLAYER, "$argon2id$")
    with pytest.raises(EmailTakenError):
        await repository.add_user(db_session, again)


CHANGE = "/api/v1/auth/password/change"
LOGIN = "/api/v1/auth/login"
NEW = "another correct horse"


async def test_a_new_password_replaces_the_old_one_and_ends_every_session(house: House) -> None:
    person = await house.register()
    other_device = await house.log_in(person.email, person.id)
    body = {"current_password": PASSWORD, "password": NEW}
    await house.call("auth", "POST", CHANGE, body, person=person, expect=204)
    await house.call("auth", "POST", LOGIN, {"email": person.email, "password": PASSWORD}, expect=401)
    for session in (person, other_device):
        refresh = {"refresh_token": session.tokens["refresh_token"]}
        await house.call("auth", "POST", "/api/v1/auth/refresh", refresh, expect=401)
    await house.log_in(person.email, person.id, NEW)


async def test_the_present_password_is_asked_for_and_guessing_it_is_slowed_down(house: House) -> None:
    person = await house.register()
    for number in range(5):
        body = {"current_password": f"guess {number}", "password": NEW}
        answer = await house.call("auth", "POST", CHANGE, body, person=person, expect=401)
        assert answer.json()["code"] == "invalid_credentials"
    body = {"current_password": PASSWORD, "password": NEW}
    await house.call("auth", "POST", CHANGE, body, person=person, expect=401)
    await house.call("auth", "POST", CHANGE, body, expect=401)


async def test_a_new_password_keeps_to_the_rules_of_the_role(house: House) -> None:
    developer = await house.register("developer")
    body = {"current_password": PASSWORD, "password": "fourteen chars"}
    answer = await house.call("auth", "POST", CHANGE, body, person=developer, expect=422)
    assert answer.json()["code"] == "password_too_weak"


async def test_of_two_changes_at_once_one_wins(house: House) -> None:
    person = await house.register()
    answers = await asyncio.gather(
        *(
            house.call(
                "auth",
                "POST",
                CHANGE,
                {"current_password": PASSWORD, "password": f"{NEW} {number}"},
                person=person,
                expect=None,
            )
            for number in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401, 401]
