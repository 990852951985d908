"""Logging in, refreshing, logging out."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import func, select, update

from cathouse.schema import AuditEvent, Session, SigningKey, User
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import House, Person, directly

LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
ME = "/api/v1/users/me"
SESSIONS = "/api/v1/sessions"


async def refresh(house: House, token: str, *, expect: int | None = 200) -> dict[str, str]:
    answer = await house.call("auth", "POST", REFRESH, {"refresh_token": token}, expect=expect)
    result: dict[str, str] = answer.json()
    return result


async def test_tokens_work_on_all_four_services(house: House) -> None:
    person = await house.register()
    assert person.tokens["token_type"] == "bearer"
    assert person.tokens["expires_in"] == 600
    await house.call("auth", "GET", ME, person=person)
    await house.call("catalog", "GET", "/api/v1/cats?mine=true", person=person)
    await house.call("installation", "GET", "/api/v1/installations", person=person)
    nothing = {"id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b"}
    assert (await house.interact(person, nothing, "?", expect=404)).json()["code"] == "not_found"


async def test_wrong_unknown_and_deactivated_look_alike(house: House) -> None:
    person = await house.register()
    wrong = await house.call("auth", "POST", LOGIN, {"email": person.email, "password": "x"}, expect=401)
    unknown = await house.call("auth", "POST", LOGIN, {"email": "no@example.com", "password": PASSWORD}, expect=401)
    with house.engine.begin() as connection:
        connection.execute(update(User).values(is_active=False))
    gone = await house.call("auth", "POST", LOGIN, {"email": person.email, "password": PASSWORD}, expect=401)

    def told(answer: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in answer.items() if name != "request_id"}

    assert told(wrong.json()) == told(unknown.json()) == told(gone.json())
    assert wrong.json()["code"] == "invalid_credentials"


async def test_the_same_password_composed_otherwise_logs_in(house: House) -> None:
    body = {"email": "nfc@example.com", "password": "caf\u00e9-caf\u00e9", "display_name": "N"}
    await house.call("auth", "POST", "/api/v1/auth/register", body, expect=201)
    await house.call("auth", "POST", LOGIN, {"email": "NFC@example.com", "password": "cafe\u0301-cafe\u0301"})


async def test_the_password_form_of_the_documentation_pages(house: House) -> None:
    person = await house.register()
    form = {"grant_type": "password", "username": person.email, "password": PASSWORD}
    answer = await house.http.post(f"{house.urls['auth']}/api/v1/auth/token", data=form)
    assert answer.status_code == 200
    assert answer.json()["access_token"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_refresh_gives_new_tokens_and_the_log_in_stays_where_it_was(house: House) -> None:
    person = await house.register()
    first = await refresh(house, person.tokens["refresh_token"])
    assert first["refresh_token"] != person.tokens["refresh_token"]
    await house.call("auth", "GET", ME, headers={"Authorization": f"Bearer {first['access_token']}"})
    await refresh(house, first["refresh_token"])


async def test_twenty_refreshes_at_once_succeed_with_one_successor(house: House) -> None:
    person = await house.register()
    token = person.tokens["refresh_token"]
    answers = await asyncio.gather(*(refresh(house, token) for _ in range(20)))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    with house.engine.connect() as connection:
        assert connection.scalar(select(Session.refresh_counter)) == 1


async def test_an_ancestor_kills_the_newest_descendant(house: House) -> None:
    person = await house.register()
    stolen = person.tokens["refresh_token"]
    second = await refresh(house, stolen)
    third = await refresh(house, second["refresh_token"])
    assert (await refresh(house, stolen, expect=401))["code"] == "refresh_token_invalid"
    await refresh(house, third["refresh_token"], expect=401)
    with house.engine.connect() as connection:
        assert connection.scalar(select(Session.revoked_reason)) == "refresh_token_reused"
        actions = set(connection.scalars(select(AuditEvent.action)))
    assert "session.refresh_token_reused" in actions


async def test_the_parent_is_an_ancestor_when_its_grace_is_over(house: House) -> None:
    person = await house.register()
    await refresh(house, person.tokens["refresh_token"])
    with house.engine.begin() as connection:
        connection.execute(update(Session).values(rotated_at=func.now() - dt.timedelta(seconds=31)))
    await refresh(house, person.tokens["refresh_token"], expect=401)


@pytest.mark.parametrize("column", [Session.idle_expires_at, Session.expires_at])
async def test_an_expired_session_does_not_refresh(house: House, column: object) -> None:
    person = await house.register()
    with house.engine.begin() as connection:
        connection.execute(update(Session).values({column: func.now() - dt.timedelta(seconds=1)}))
    await refresh(house, person.tokens["refresh_token"], expect=401)


async def test_a_deactivated_person_does_not_refresh(house: House) -> None:
    person = await house.register()
    with house.engine.begin() as connection:
        connection.execute(update(User).values(is_active=False))
    await refresh(house, person.tokens["refresh_token"], expect=401)


@directly
@pytest.mark.parametrize("token", ["x", "chr_", "chr_AAAA", "chr_" + "A" * 71, "chr_" + "A" * 70, "chr_\u00fc"])
async def test_what_is_no_refresh_token_is_refused(house: House, token: str) -> None:
    assert (await refresh(house, token, expect=401))["code"] == "refresh_token_invalid"


async def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(house: House) -> None:
    person = await house.register()
    await refresh(house, person.tokens["access_token"][:200], expect=401)
    swapped = Person(person.id, person.email, {"access_token": person.tokens["refresh_token"]})
    await house.call("auth", "GET", ME, person=swapped, expect=401)


async def test_logging_out_ends_this_session_and_everywhere_ends_all(house: House) -> None:
    person = await house.register()
    other = await house.log_in(person.email, person.id)
    for _ in range(2):
        body = {"refresh_token": person.tokens["refresh_token"]}
        await house.call("auth", "POST", "/api/v1/auth/logout", body, expect=204)
    await refresh(house, person.tokens["refresh_token"], expect=401)
    kept = await refresh(house, other.tokens["refresh_token"])
    await house.call("auth", "POST", "/api/v1/auth/logout-all", person=other, expect=204)
    await refresh(house, kept["refresh_token"], expect=401)
    await house.call("auth", "POST", "/api/v1/auth/logout", {"refresh_token": "made up"}, expect=204)


async def test_many_first_log_ins_make_one_signing_key(house: House) -> None:
    await asyncio.gather(*(house.register() for _ in range(5)))
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SigningKey)) == 1
    answer = await house.call("auth", "GET", "/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    (key,) = answer.json()["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    assert "d" not in key


async def test_sessions_are_listed_newest_first_and_the_present_one_is_marked(house: House) -> None:
    person, other = await house.register(), await house.register()
    second = await house.log_in(person.email, person.id)
    listed = (await house.call("auth", "GET", SESSIONS, person=second)).json()["items"]
    assert [each["current"] for each in listed] == [True, False]
    assert listed[0]["user_agent"].startswith("python-httpx")
    assert listed[0]["ip"] == "127.0.0.1"
    assert listed[0]["created_at"] >= listed[1]["created_at"]
    first_page = (await house.call("auth", "GET", f"{SESSIONS}?limit=1", person=person)).json()
    rest = (
        await house.call("auth", "GET", f"{SESSIONS}?limit=1&cursor={first_page['next_cursor']}", person=person)
    ).json()
    assert [first_page["items"][0]["id"], rest["items"][0]["id"]] == [each["id"] for each in listed]
    assert rest["next_cursor"] is None
    assert len((await house.call("auth", "GET", SESSIONS, person=other)).json()["items"]) == 1


async def test_a_session_is_ended_from_another_device(house: House) -> None:
    person, other = await house.register(), await house.register()
    second = await house.log_in(person.email, person.id)
    listed = (await house.call("auth", "GET", SESSIONS, person=second)).json()["items"]
    old = next(each["id"] for each in listed if not each["current"])
    await house.call("auth", "DELETE", f"{SESSIONS}/{old}", person=other, expect=404)
    await house.call("auth", "DELETE", f"{SESSIONS}/{old}", person=second, expect=204)
    again = await house.call("auth", "DELETE", f"{SESSIONS}/{old}", person=second, expect=404)
    assert again.json()["code"] == "session_not_found"
    await refresh(house, person.tokens["refresh_token"], expect=401)
    await refresh(house, second.tokens["refresh_token"])
    assert len((await house.call("auth", "GET", SESSIONS, person=second)).json()["items"]) == 1


async def test_a_session_that_has_run_out_is_not_listed(house: House) -> None:
    person = await house.register()
    with house.engine.begin() as connection:
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        connection.execute(update(Session).values(idle_expires_at=past))
    assert (await house.call("auth", "GET", SESSIONS, person=person)).json()["items"] == []
