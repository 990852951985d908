"""A request that creates something, sent again under its ``Idempotency-Key``: done once, and answered alike."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update

from cathouse.database import DatabaseUrl
from cathouse.schema import AuditEvent, Base, Cat, CatReport, IdempotencyKey, Installation, Notification, Release
from tests.documents import openapi
from tests.factories.cats import STORAGE, cat_creation
from tests.fixtures.cat_calls import token
from tests.fixtures.erasures import add
from tests.fixtures.house import House, Person, directly, run_house
from tests.fixtures.relay import AtCommit, relay_to
from tests.fixtures.server import server_url

CATS = "/api/v1/cats"
INSTALLATIONS = "/api/v1/installations"
NOTIFICATIONS = "/api/v1/cat/notifications"
COMPLAINT = {"reason": "misleading", "text": "It says that it knows the weather."}
NOTE = {"title": "Hello", "body": "Come home.", "data": {"bowl": [1, None, 0.5]}}
SECRET = "a-weather-key-that-nobody-else-may-see"

CREATING = {
    "catalog": {CATS, f"{CATS}/{{cat_id}}/releases", f"{CATS}/{{cat_id}}/reports"},
    "installation": {INSTALLATIONS, NOTIFICATIONS, "/api/v1/tasks", "/api/v1/cat/tasks"},
}


@dataclass(frozen=True)
class Creation:
    """A request that makes a row of ``model``, and which of its members makes it another request."""

    service: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    model: type[Base]
    another: dict[str, Any]

    async def send(self, house: House, key: str | None = "a-key", expect: int | None = 201) -> httpx.Response:
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        return await house.call(self.service, "POST", self.path, self.body, headers=headers, expect=expect)


def count(house: House, model: type[Base]) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model)) or 0


def kept(house: House) -> list[str]:
    """What is kept, each row as one text."""
    with house.engine.connect() as connection:
        return list(connection.scalars(text("SELECT kept::text FROM cathouse.idempotency_keys kept")))


def cat_of(person: Person, **changes: Any) -> Creation:
    return Creation("catalog", CATS, cat_creation(**changes), person.headers, Cat, {"name": "Another"})


def installation_of(person: Person, cat: dict[str, Any], **changes: Any) -> Creation:
    body = {"cat_id": cat["id"], "instance_name": "Misty", "grants": {"storage": True}, **changes}
    return Creation("installation", INSTALLATIONS, body, person.headers, Installation, {"instance_name": "Tibby"})


async def weather_cat(house: House, developer: Person) -> dict[str, Any]:
    """A published cat that wants a secret."""
    secret = {
        "name": "key",
        "host": "api.example.com",
        "header": "X-Api-Key",
        "description": "Yours.",
        "required": True,
    }
    permissions = [
        {"permission_type": kind, "description": "To help.", "required": kind == "storage"}
        for kind in ("storage", "notification", "external_api")
    ]
    return await house.publish(
        developer,
        permissions=permissions,
        egress_hosts=["api.example.com"],
        secrets=[secret],
        config_schema={"type": "object"},
    )


@pytest.fixture(params=["cat", "release", "report", "installation", "notification"])
async def creation(request: pytest.FixtureRequest, house: House) -> Creation:
    developer, player = await house.register("developer"), await house.register()
    if request.param == "cat":
        return cat_of(developer)
    cat = await weather_cat(house, developer)
    if request.param == "release":
        body = {"version": "2.0.0", "endpoint_url": cat["endpoint_url"], "permissions": [STORAGE]}
        path = f"{CATS}/{cat['id']}/releases"
        return Creation("catalog", path, body, developer.headers, Release, {"changelog": "Purrs in tune."})
    if request.param == "report":
        path = f"{CATS}/{cat['id']}/reports"
        return Creation("catalog", path, COMPLAINT, player.headers, CatReport, {"reason": "spam"})
    installing = installation_of(
        player, cat, grants={"storage": True, "notification": True}, config={"a": [1e3]}, secrets={"key": SECRET}
    )
    if request.param == "installation":
        return installing
    installed = (await installing.send(house, key=None)).json()
    return Creation("installation", NOTIFICATIONS, NOTE, token(installed), Notification, {"title": "Good-bye"})


async def test_it_is_done_once_and_answered_alike(house: House, creation: Creation) -> None:
    before, events = count(house, creation.model), count(house, AuditEvent)
    first = await creation.send(house)
    noted = count(house, AuditEvent) - events
    for _ in range(2):
        again = await creation.send(house)
        assert again.json() == first.json()
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["cache-control"] == "no-store"
    assert count(house, creation.model) == before + 1
    assert count(house, AuditEvent) == events + noted
    assert len(kept(house)) == 1


async def test_a_key_stands_for_one_request(house: House, creation: Creation) -> None:
    await creation.send(house)
    made = count(house, creation.model)
    for other in (
        replace(creation, body={**creation.body, **creation.another}),
        replace(creation, path=f"{creation.path}?a=b"),
    ):
        assert (await other.send(house, expect=422)).json()["code"] == "idempotency_key_reused"
    assert count(house, creation.model) == made


async def test_at_once_it_is_done_once(house: House, creation: Creation) -> None:
    before = count(house, creation.model)
    answers = await asyncio.gather(*(creation.send(house, expect=None) for _ in range(6)))
    made = [answer.json() for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
            assert answer.headers["retry-after"] == "1"
    assert made
    assert all(each == made[0] for each in made)
    assert (await creation.send(house)).json() == made[0]
    assert count(house, creation.model) == before + 1


@directly
async def test_no_secret_is_kept(house: House, creation: Creation) -> None:
    await creation.send(house)
    (row,) = kept(house)
    credentials = {header.removeprefix("Bearer ") for header in creation.headers.values()}
    assert credentials
    assert all(len(credential) > 20 for credential in credentials)
    hidden = {SECRET, *house.cat_secrets.values(), *credentials}
    assert len(hidden) >= 2
    assert not [secret for secret in hidden if secret in row]
    # Nor can guesses at the request be tried on what is kept of it.
    with house.engine.connect() as connection:
        fingerprint = connection.scalar(select(IdempotencyKey.request_hash))
    body = httpx.Request("POST", "http://x", json=creation.body).content
    target = json.dumps(["POST", creation.path, ""]).encode()
    assert fingerprint not in {hashlib.sha256(text_).digest() for text_ in (body, target + b"\n" + body)}


@directly
async def test_without_a_key_nothing_is_kept(house: House, creation: Creation) -> None:
    await creation.send(house, key=None)
    assert kept(house) == []


async def test_everybody_has_keys_of_their_own(house: House) -> None:
    developer, other = await house.register("developer"), await house.register("developer")
    mine, theirs = [await cat_of(person, slug=None).send(house) for person in (developer, other)]
    assert mine.json()["id"] != theirs.json()["id"]
    cat = await weather_cat(house, developer)
    calls = []
    for player in (await house.register(), await house.register()):
        installing = installation_of(
            player, cat, grants={"storage": True, "notification": True}, secrets={"key": SECRET}
        )
        calls.append(token((await installing.send(house)).json()))
    assert count(house, Installation) == 2
    # A cat calls for an installation: what it sent for one player is not the answer of another's.
    sent = [
        await house.call(
            "installation", "POST", NOTIFICATIONS, NOTE, headers={**call, "Idempotency-Key": "k"}, expect=201
        )
        for call in calls
    ]
    assert sent[0].json()["installation"] != sent[1].json()["installation"]


async def test_every_route_has_keys_of_its_own(house: House) -> None:
    developer = await house.register("developer")
    cat = (await cat_of(developer).send(house)).json()
    path = f"{CATS}/{cat['id']}/reports"
    report = Creation("catalog", path, COMPLAINT, developer.headers, CatReport, {})
    assert (await report.send(house)).json()["cat_id"] == cat["id"]
    # Another cat is another request of the same route.
    elsewhere = replace(report, path=f"{CATS}/{(await house.draft(developer))['id']}/reports")
    assert (await elsewhere.send(house, expect=422)).json()["code"] == "idempotency_key_reused"


async def test_what_was_refused_can_be_tried_again(house: House) -> None:
    developer, player, admin = await house.register("developer"), await house.register(), await house.admin()
    cat = await house.publish(developer)
    report = Creation("catalog", f"{CATS}/{cat['id']}/reports", COMPLAINT, player.headers, CatReport, {})
    in_the_way = (await report.send(house, key=None)).json()
    for _ in range(2):
        assert (await report.send(house, expect=409)).json()["code"] == "report_open"
    assert kept(house) == []
    await house.call("catalog", "POST", f"/api/v1/reports/{in_the_way['id']}/dismiss", person=admin)
    made = (await report.send(house)).json()
    assert made["id"] != in_the_way["id"]
    # Now the first report of the key is open, and it is an answer and not in the way.
    assert (await report.send(house)).json() == made
    nameless = installation_of(player, cat, instance_name="")
    await nameless.send(house, expect=422)
    await replace(nameless, body={**nameless.body, "instance_name": "Tibby"}).send(house)


async def test_a_cat_that_may_not_speak_so_often_has_its_answer_all_the_same(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    installed = await house.install(
        player, await house.publish(developer), grants={"storage": True, "notification": True}
    )
    note = Creation("installation", NOTIFICATIONS, NOTE, token(installed), Notification, {})
    first, again = await note.send(house), await note.send(house)
    assert again.json() == first.json()
    # Tokens end after five minutes: the key belongs to the installation, not to the token.
    assert (await replace(note, headers=token(installed)).send(house)).json() == first.json()
    assert count(house, Notification) == 1


@directly
async def test_what_is_no_key_is_refused(house: House) -> None:
    developer = await house.register("developer")
    caller = [(name.encode(), value.encode()) for name, value in developer.headers.items()]
    for key in (b"", b"two words", b"tab\tbed", b"x" * 256, "k\u00e4se".encode("latin-1"), "k\u00e4se".encode()):
        headers = [*caller, (b"Idempotency-Key", key)]
        answer = await house.http.post(house.urls["catalog"] + CATS, json=cat_creation(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), key
        assert answer.json()["errors"][0]["location"] == "header.Idempotency-Key"
    assert count(house, Cat) == 0


@directly
async def test_all_visible_characters_make_a_key(house: House) -> None:
    creation = cat_of(await house.register("developer"), slug=None)
    keys = ("k", "K", "x" * 255, "".join(map(chr, range(0x21, 0x7F))))
    made = [(await creation.send(house, key)).json() for key in keys]
    assert [(await creation.send(house, key)).json() for key in keys] == made
    assert count(house, Cat) == len(keys)


async def test_after_a_day_a_key_is_new(house: House) -> None:
    developer = await house.register("developer")
    first, second = cat_of(developer), cat_of(developer)
    made = (await first.send(house)).json()
    age(house, "23 hours 59 minutes")
    assert (await first.send(house)).json() == made
    age(house, "24 hours 1 second")
    other = (await second.send(house)).json()
    assert other["slug"] == second.body["slug"]
    assert (await second.send(house)).json() == other
    assert (await first.send(house, expect=422)).json()["code"] == "idempotency_key_reused"
    assert len(kept(house)) == 1


def age(house: House, interval: str) -> None:
    with house.engine.begin() as connection:
        connection.execute(update(IdempotencyKey).values(created_at=func.now() - text(f"interval '{interval}'")))


@pytest.fixture(params=["direct", "pgbouncer"])
async def cuttable(request: pytest.FixtureRequest, clean_db: DatabaseUrl) -> AsyncIterator[tuple[House, Any]]:
    """A house whose catalog-service reaches the database by way of a relay."""
    is_direct = request.param == "direct"
    target: DatabaseUrl = server_url() if is_direct else request.getfixturevalue("pooler")
    async with relay_to(target) as relay:

        def through(url: DatabaseUrl) -> DatabaseUrl:
            if "catalog" in (url.user or ""):
                return relay.url(url)
            return url.replace(host=target.host, port=target.port)

        async with run_house(
            clean_db, through=through, database_pooler="none" if is_direct else "transaction"
        ) as house:
            yield house, relay


@pytest.mark.parametrize(("cut", "done"), [(AtCommit.AFTER, 1), (AtCommit.BEFORE, 0)])
async def test_when_the_commits_answer_is_lost_the_same_request_finds_out(
    cuttable: tuple[House, Any], cut: AtCommit, done: int
) -> None:
    house, relay = cuttable
    creation = cat_of(await house.register("developer"), slug=None)
    await house.call("catalog", "GET", CATS)  # connected
    relay.cut_behind = b"INSERT INTO cathouse.cats"
    relay.cut_at_commit = cut
    lost = await creation.send(house, expect=503)
    assert (lost.json()["code"], lost.headers["retry-after"]) == ("outcome_unknown", "1")
    assert (count(house, Cat), len(kept(house))) == (done, done)
    told = [(await creation.send(house)).json() for _ in range(2)]
    assert told[0] == told[1]
    with house.engine.connect() as connection:
        assert [str(each) for each in connection.scalars(select(Cat.id))] == [told[0]["id"]]


@pytest.mark.parametrize("service", ["catalog", "installation"])
async def test_each_service_removes_its_own_old_answers_while_it_serves(
    clean_db: DatabaseUrl, owner_engine: Any, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("catalog", "installation"):
        for key, hours in (("old", 25), ("new", 23)):
            row = IdempotencyKey(
                service=name, principal=uuid.uuid4(), route="POST /", key=key, request_hash=b"", status=1
            )
            add(owner_engine, row)
            with owner_engine.begin() as connection:
                connection.execute(
                    update(IdempotencyKey)
                    .where(IdempotencyKey.principal == row.principal)
                    .values(created_at=func.now() - text(f"interval '{hours} hours'"))
                )
    monkeypatch.setattr("cathouse.database.retention.FIRST_AFTER_S", 0.0)
    left = select(IdempotencyKey.key).where(IdempotencyKey.service == service)
    async with run_house(clean_db), asyncio.timeout(20):
        while True:
            with owner_engine.connect() as connection:
                if list(connection.scalars(left)) == ["new"]:
                    break
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("service", ["catalog", "installation"])
def test_whatever_creates_takes_a_key_and_says_what_it_may_answer(service: Any) -> None:
    creating = set()
    for path, operations in json.loads(openapi(service))["paths"].items():
        if "201" not in operations.get("post", {}).get("responses", {}):
            continue
        creating.add(path)
        names = [each["name"] for each in operations["post"]["parameters"] if each["in"] == "header"]
        assert names == ["Idempotency-Key"], path
        responses = operations["post"]["responses"]
        assert "idempotency_key_in_use" in responses["409"]["description"]
        assert "idempotency_key_reused" in responses["422"]["description"]
    assert creating >= CREATING[service]
