"""A cat asks for a callback token by itself, with a signature like those on our messages to it."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text, update

from cathouse.identity import KeyUse, derive, parse_roots, read_callback_token
from cathouse.schema import Cat as CatRow
from cathouse.schema import PermissionType
from proxy_service.tokens.used_messages import REMEMBERED_S, UsedMessages
from tests.fixtures.house import PLATFORM_SECRET, House, directly
from tests.proxy.cat_tokens import ask, signed
from tests.proxy.cats import Cat, Home


def secret_of(house: House, installed: Mapping[str, Any]) -> str:
    return house.cat_secrets[installed["cat"]["slug"]]


async def test_a_cat_gets_a_token_with_what_is_granted_now(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    body, headers = signed(secret_of(house, installed), installed["id"])
    answer = await ask(house, body, headers, expect=200)
    given = answer.json()
    assert set(given) == {"token", "expires_at"}
    assert answer.headers["cache-control"] == "no-store"
    left = dt.datetime.fromisoformat(given["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=4, seconds=50) < left <= dt.timedelta(minutes=5)
    read = read_callback_token(given["token"], derive(parse_roots(PLATFORM_SECRET), KeyUse.CALLBACK_TOKENS))
    assert str(read.installation_id) == installed["id"]
    assert read.scopes == {PermissionType.STORAGE}
    bearer = {"Authorization": f"Bearer {given['token']}"}
    await house.call("installation", "PUT", "/api/v1/cat/storage/key", 1, headers=bearer, expect=201)
    await house.call(
        "installation",
        "PUT",
        f"/api/v1/installations/{installed['id']}/permissions/notification",
        {"granted": True},
        person=player,
    )
    answer = await ask(house, *signed(secret_of(house, installed), installed["id"]), expect=200)
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    note = {"title": "Hello", "body": "I missed you."}
    await house.call("installation", "POST", "/api/v1/cat/notifications", note, headers=bearer, expect=201)


@directly
async def test_whoever_does_not_prove_to_be_the_cat_learns_nothing(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    secret, other_developer = secret_of(house, installed), await house.register("developer")
    other = await house.publish(other_developer, endpoint_url=f"{house.cat_url}/")
    now = dt.datetime.now(dt.UTC)
    body, good = signed(secret, installed["id"])
    minutes = dt.timedelta(minutes=6)
    attempts = [
        signed(secret, uuid.uuid4()),
        signed(house.cat_secrets[other["slug"]], installed["id"]),
        signed(secret, installed["id"], at=now - minutes),
        signed(secret, installed["id"], at=now + minutes),
        (body + b" ", good),
        (body, {**good, "webhook-id": "msg_another"}),
        (body, {**good, "webhook-timestamp": str(int(now.timestamp()) + 1)}),
        (body, {**good, "webhook-timestamp": "now"}),
        (body, {**good, "webhook-timestamp": "nan"}),
        *(
            (body, {**good, "webhook-signature": each})
            for each in ("v1", "v1,", "v1,A", "v1,=", "v1a,AAAA", "x", "v1,é".encode("latin-1"), ",,,")
        ),
        *((body, {name: value for name, value in good.items() if name != left_out}) for left_out in list(good)[:3]),
        (body, {**player.headers, "Content-Type": "application/json"}),
    ]
    seen = set()
    for wrong_body, headers in attempts:
        answer = await ask(house, wrong_body, headers, expect=401)  # type: ignore[arg-type]  # bytes, as httpx takes them
        assert answer.headers["www-authenticate"] == "StandardWebhooks"
        seen.add(json.dumps({**answer.json(), "request_id": ""}))
    assert len(seen) == 1
    assert json.loads(seen.pop())["code"] == "invalid_signature"
    for wrong in (b"{}", b"[]", b"x", b'{"installation_id": "x"}', b'{"installation_id": 1}'):
        assert (await ask(house, wrong, good, expect=422)).json()["code"] == "validation_failed"

    await ask(house, body, good, expect=200)
    answer = await ask(house, body, good, expect=401)
    assert answer.json()["code"] == "webhook_id_used"
    # The id of one cat is nothing to another.
    theirs = await house.install(player, other)
    mine = signed(house.cat_secrets[other["slug"]], theirs["id"], message_id=good["webhook-id"])
    await ask(house, *mine, expect=200)


@directly
async def test_both_secrets_count_for_a_day_of_a_rotation(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    before = secret_of(house, installed)
    cat_id = uuid.UUID(installed["cat"]["id"])
    rotated = update(CatRow).where(CatRow.id == cat_id).values(signing_secret_version=2, previous_signing_root="r1")
    await house.execute(rotated.values(signing_secret_rotated_at=text("now() - interval '23 hours'")))
    await ask(house, *signed(before, installed["id"]), expect=200)
    await house.execute(rotated.values(signing_secret_rotated_at=text("now() - interval '25 hours'")))
    await ask(house, *signed(before, installed["id"]), expect=401)


@directly
async def test_an_installation_that_is_not_active_gets_none(house: House, cat: Cat, home: Home) -> None:
    player, installed = home
    secret, path = secret_of(house, installed), f"/api/v1/installations/{installed['id']}"
    admin, cat_path = await house.admin(), f"/api/v1/cats/{installed['cat']['id']}"

    async def refused() -> None:
        answer = await ask(house, *signed(secret, installed["id"]), expect=401)
        assert answer.json()["code"] == "installation_not_active"
        # Who cannot sign does not learn it.
        body, headers = signed("whsec_" + "A" * 44, installed["id"])
        assert (await ask(house, body, headers, expect=401)).json()["code"] == "invalid_signature"

    await house.call("installation", "POST", f"{path}/pause", person=player)
    await refused()
    await house.call("installation", "POST", f"{path}/resume", person=player)
    await house.call("catalog", "POST", f"{cat_path}/suspend", {"reason": "It scratches."}, person=admin)
    await refused()
    await house.call("catalog", "POST", f"{cat_path}/reinstate", person=admin)
    await ask(house, *signed(secret, installed["id"]), expect=200)
    await house.call("installation", "DELETE", path, person=player, expect=204)
    await refused()


@directly
async def test_an_installation_is_held_to_sixty_a_minute(house: House, cat: Cat, home: Home) -> None:
    _, installed = home
    secret = secret_of(house, installed)
    body, headers = signed(secret, installed["id"])
    await ask(house, body, headers, expect=200)
    for _ in range(3):  # what is answered once costs its sender nothing more
        await ask(house, body, headers, expect=401)
    for _ in range(59):
        await ask(house, *signed(secret, installed["id"]), expect=200)
    body, headers = signed(secret, installed["id"])
    answer = await ask(house, body, headers, expect=429)
    assert answer.headers["ratelimit-limit"] == "60"
    answer = await ask(house, body, headers, expect=429)
    assert answer.json()["code"] == "rate_limited", "what was refused for its rate may come again"


def test_messages_are_remembered_for_ten_minutes_and_not_without_end() -> None:
    now, cat_id = 0.0, uuid.uuid4()
    used = UsedMessages(lambda: now, most=100)
    assert used.use(cat_id, "msg_1")
    assert not used.use(cat_id, "msg_1")
    assert used.use(uuid.uuid4(), "msg_1")
    now = REMEMBERED_S - 1
    assert used.is_used(cat_id, "msg_1")
    now = REMEMBERED_S
    assert not used.is_used(cat_id, "msg_1")
    for number in range(1000):
        assert used.use(cat_id, f"msg_{number}" * 100)
    assert len(used._until) == 100
    assert used.is_used(cat_id, "msg_999" * 100)
