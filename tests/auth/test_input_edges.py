"""What no account, no token and no query may hold is refused at the door, by every call of auth-service."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from sqlalchemy import func, select

from auth_service.accounts.passwords import Passwords
from cathouse.schema import LoginAttempt, Session, User
from tests.factories.accounts import PASSWORD, email, registration
from tests.fixtures.house import House, Person

REGISTER, LOGIN, TOKEN = "/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/auth/token"
REFRESH, LOGOUT, CHANGE = "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/password/change"
ME, PREFERENCES, USERS = "/api/v1/users/me", "/api/v1/users/me/preferences", "/api/v1/users"
NEW = "another correct horse"
HOURS = {"start": "09:00", "end": "17:00", "timezone": "UTC"}

Calls = list[tuple[str, str, dict[str, Any]]]


def calls(person: Person) -> Calls:
    """Every call of auth-service that has a body, with a good one that changes nothing of who is logged in."""
    return [
        ("POST", REGISTER, registration(role="player")),
        ("POST", LOGIN, {"email": person.email, "password": PASSWORD}),
        ("POST", REFRESH, {"refresh_token": person.tokens["refresh_token"]}),
        ("POST", LOGOUT, {"refresh_token": person.tokens["refresh_token"]}),
        ("POST", CHANGE, {"current_password": PASSWORD, "password": NEW}),
        ("PATCH", ME, {"display_name": "Mia", "timezone": "Europe/Berlin"}),
        ("PATCH", PREFERENCES, {"theme": "dark", "nickname": "Mia", "custom_hours": HOURS}),
        ("PATCH", f"{USERS}/{person.id}", {"role": "admin", "is_active": True}),
    ]


async def send(
    house: House, method: str, path: str, body: Mapping[str, Any] | bytes, person: Person | None = None
) -> tuple[int, str]:
    """The status and the code of an answer; the body goes as it is, lone surrogates and all."""
    content = body if isinstance(body, bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json", **(person.headers if person else {})}
    answer = await house.http.request(method, house.urls["auth"] + path, content=content, headers=headers)
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""


def rows(house: House) -> tuple[object, ...]:
    with house.engine.connect() as connection:
        tables = [connection.scalar(select(func.count()).select_from(table)) for table in (User, Session, LoginAttempt)]
        return (*tables, connection.execute(select(User.role, User.display_name, User.is_active)).all())


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many passwords were hashed since the test asked for this."""
    counted: Counter[str] = Counter()
    run = Passwords._run

    async def counting(passwords: Passwords, work: Any) -> Any:
        counted["hashes"] += 1
        return await run(passwords, work)

    monkeypatch.setattr(Passwords, "_run", counting)
    return counted


BAD_TEXTS = ("\x00", "\ud800", "\udfff")


async def test_nul_and_lone_surrogates_are_refused_in_every_text_of_every_body(
    house: House, hashes: Counter[str]
) -> None:
    admin = await house.admin()
    before, hashed = rows(house), hashes["hashes"]
    answers: dict[str, tuple[int, str]] = {}
    for bad in BAD_TEXTS:
        for method, path, body in calls(admin):
            for name, value in body.items():
                text = f"{value}{bad}" if isinstance(value, str) else bad
                answers[f"{path} {name}={text!r}"] = await send(house, method, path, {**body, name: text}, admin)
            answers[f"{path} {bad!r} as a name"] = await send(house, method, path, {**body, bad: 1}, admin)
            raw = json.dumps(body).encode().replace(b'"', b'"' + bad.encode("utf-8", "surrogatepass"), 1)
            status, _ = await send(house, method, path, raw, admin)
            assert status in {400, 422}, path  # as the bytes that they would be
        for name in HOURS:
            changed = {"custom_hours": {**HOURS, name: bad}}
            answers[f"custom_hours.{name}"] = await send(house, "PATCH", PREFERENCES, changed, admin)
        communication = {"communication_preferences": {"email": bad}}
        answers["communication_preferences"] = await send(house, "PATCH", PREFERENCES, communication, admin)
    assert {name: answer for name, answer in answers.items() if answer != (422, "validation_failed")} == {}
    assert rows(house) == before
    assert hashes["hashes"] == hashed


BAD_BYTES = (b"\x00", b"\xed\xa0\x80", b"a\xff")
LISTS = {
    USERS: ("search", "role", "is_active", "limit", "cursor"),
    "/api/v1/audit-events": ("actor_id", "action", "limit", "cursor"),
    "/api/v1/sessions": ("limit", "cursor"),
}


async def test_no_query_and_no_path_with_such_text_gets_further_than_a_refusal(house: House) -> None:
    admin = await house.admin()
    for bad in BAD_BYTES:
        sent = quote_from_bytes(bad)
        for path, names in LISTS.items():
            for name in names:
                answer = await house.call("auth", "GET", f"{path}?{name}={sent}", person=admin, expect=None)
                # What is no UTF-8 was replaced before it came to us (WHATWG URL): a text like any other.
                harmless = name == "search" and b"\x00" not in bad
                assert answer.status_code in ({200} if harmless else {400, 422}), f"{path} {name} {bad!r}"
        for method, path in (("GET", USERS), ("PATCH", USERS), ("DELETE", "/api/v1/sessions")):
            body = {"role": "admin"} if method == "PATCH" else None
            await house.call("auth", method, f"{path}/{sent}", body, person=admin, expect=422)


async def test_no_form_with_such_text_logs_in_or_breaks_anything(house: House) -> None:
    person = await house.register()
    form = {"grant_type": "password", "username": quote_from_bytes(person.email.encode()), "password": PASSWORD}
    for bad in BAD_BYTES:
        for name, good in form.items():
            fields = {**form, name: good + quote_from_bytes(bad)}
            content = "&".join(f"{each}={value.replace(' ', '+')}" for each, value in fields.items())
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = await house.http.post(house.urls["auth"] + TOKEN, content=content, headers=headers)
            assert answer.status_code in {401, 422}, f"{name} {bad!r}"
            assert answer.json()["code"] in {"invalid_credentials", "validation_failed"}
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (
            ("grant_type", "password"),
            ("username", "xn--a\xff+2AA-\\ud800"),
            ("password", "+AAA-\\x00"),
        )
    )
    for charset in ("undefined", "punycode", "idna", "utf-7", "unicode_escape", "hex", "nonsense"):
        headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
        whole = f"{parts}--x--\r\n".encode("latin-1")
        answer = await house.http.post(house.urls["auth"] + TOKEN, content=whole, headers=headers)
        assert answer.status_code in {400, 401, 422}, charset


async def test_what_is_no_such_object_is_refused_by_every_call(house: House) -> None:
    admin = await house.admin()
    bodies = {
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "text": b'"text"',
        "cut off": b"{",
        "no UTF-8": b'{"email": "\xff"}',
        "no number": b'{"email": NaN}',
        "many digits": b'{"email": ' + b"1" * 6000 + b"}",
        "open": b"[" * 100_000,
        "deep": b'{"email": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    }
    for name, body in bodies.items():
        for method, path, _ in calls(admin):
            answer = await send(house, method, path, body, admin)
            assert answer in {(400, "malformed_request"), (422, "validation_failed")}, f"{path} {name}"


async def test_nobody_sets_what_is_not_theirs_to_set(house: House) -> None:
    admin = await house.admin()
    before = rows(house)
    foreign = {
        "id": "6f1f7a0e-4c66-4e0b-8f5b-0f9a3c1d2e4b",
        "role": "admin",
        "is_active": True,
        "email_verified": True,
        "email_verified_at": "2026-01-01T00:00:00Z",
        "email_key": "x@example.com",
        "password_hash": "$argon2id$",
        "clerk_user_id": "user_1",
        "has_password": True,
        "totp_enabled": True,
        "created_at": "2026-01-01T00:00:00Z",
    }
    taken = []
    for method, path, body in calls(admin):
        for name, value in foreign.items():
            if path == f"{USERS}/{admin.id}" and name in body:
                continue  # an admin may
            answer = await send(house, method, path, {**body, name: value}, admin)
            taken += [(path, name, answer)] if answer != (422, "validation_failed") else []
    assert taken == []
    assert rows(house) == before


async def test_a_password_of_a_megabyte_is_refused_without_being_hashed(house: House, hashes: Counter[str]) -> None:
    person = await house.register()
    hashed = hashes["hashes"]
    for length, expected in ((1025, 422), (1_000_000, 422), (2**20, 413), (3 * 2**20, 413)):
        password = "p" * length
        for path, body in (
            (REGISTER, registration(password=password)),
            (LOGIN, {"email": person.email, "password": password}),
            (CHANGE, {"current_password": PASSWORD, "password": password}),
            (CHANGE, {"current_password": password, "password": NEW}),
        ):
            assert (await send(house, "POST", path, body, person))[0] == expected, (path, length)
        form = {"grant_type": "password", "username": person.email, "password": password}
        answer = await house.http.post(house.urls["auth"] + TOKEN, data=form)
        assert answer.status_code == (413 if expected == 413 else 401)
    too_long = await send(house, "POST", REGISTER, registration(password="p" * 257))
    assert too_long == (422, "password_too_weak")
    assert hashes["hashes"] == hashed
    await house.log_in(person.email, person.id)  # and nothing of it counted as a guess
    assert hashes["hashes"] == hashed + 1


async def test_a_body_that_grows_too_large_unannounced_is_refused(house: House, hashes: Counter[str]) -> None:
    async def endless() -> Any:
        yield b'{"email": "mia@example.com", "password": "'
        for _ in range(40):
            yield b"p" * 64 * 1024

    for path in (REGISTER, LOGIN, REFRESH):
        headers = {"Content-Type": "application/json"}
        answer = await house.http.post(house.urls["auth"] + path, content=endless(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")
    assert hashes["hashes"] == 0


async def test_a_password_is_the_same_however_the_keyboard_composes_it(house: House) -> None:
    first = {"NFC": "caf\u00e9-\u00fcber-\ud55c", "NFD": "cafe\u0301-u\u0308ber-\u1112\u1161\u11ab"}
    second = {"NFC": "\u00c5ngstr\u00f6m-\u1e69-mice", "NFD": "A\u030angstro\u0308m-s\u0323\u0307-mice"}
    for registered, typed in (("NFC", "NFD"), ("NFD", "NFC")):
        address = email()
        body = registration(email=address, password=first[registered])
        user_id = uuid.UUID((await house.call("auth", "POST", REGISTER, body, expect=201)).json()["id"])
        await house.log_in(address, user_id, first[registered])
        person = await house.log_in(address, user_id, first[typed])
        change = {"current_password": first[typed], "password": second[registered]}
        await house.call("auth", "POST", CHANGE, change, person=person, expect=204)
        for form in (registered, typed):
            await house.log_in(address, user_id, second[form])
            await house.call("auth", "POST", LOGIN, {"email": address, "password": first[form]}, expect=401)
