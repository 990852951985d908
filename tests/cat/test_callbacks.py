"""What a cat does with its token, in the real house: what it may, and how it is told what it may not."""

import asyncio
import datetime as dt

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from cathouse.cat import (
    Callback,
    CallbackError,
    House,
    NotActiveError,
    NotGrantedError,
    QuotaError,
    RateLimitedError,
    RevisionMismatchError,
    TokenRefusedError,
    UnavailableError,
    calls,
)
from tests.cat.conftest import Listener
from tests.fixtures.house import directly
from tests.fixtures.serving import listen, port_of

TOMORROW = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=1)


@directly
async def test_a_cat_stores_makes_tasks_and_reads_its_installation(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_PAGE", 2)
    async with House(await listener.callback()) as house:
        storage, tasks = house.storage, house.tasks
        assert await storage.get("deep/a.b") is None
        assert await storage.put("deep/a.b", {"ü": [1, None]}) == 1
        found = await storage.get("deep/a.b")
        assert found is not None
        assert (found.value, found.revision) == ({"ü": [1, None]}, 1)
        assert await storage.put("deep/a.b", None, if_match=1) == 2
        with pytest.raises(RevisionMismatchError) as late:
            await storage.put("deep/a.b", 3, if_match=1)
        assert (late.value.status, late.value.code) == (412, "revision_mismatch")
        with pytest.raises(RevisionMismatchError):
            await storage.delete("deep/a.b", if_match=1)
        for key in ("deep/c", "deep/d", "e"):
            await storage.put(key, key)
        assert [each.key async for each in storage.list("deep/")] == ["deep/a.b", "deep/c", "deep/d"]
        assert [await storage.delete("e"), await storage.delete("e")] == [True, False]
        for key in ("", "a b", "../notifications", "a/./b", "..", "a?b", "x" * 129):
            with pytest.raises(ValueError, match="a key has"):
                await storage.get(key)
        for value in (float("nan"), b"bytes"):
            with pytest.raises((ValueError, TypeError)):
                await storage.put("e", value)

        first = await tasks.create("Buy food", due_date=TOMORROW, tags=["misty"], idempotency_key="once")
        assert await tasks.create("Buy food", due_date=TOMORROW, tags=["misty"], idempotency_key="once") == first
        assert (first.due_date, first.status, first.tags) == (TOMORROW, "pending", ("misty",))
        for title in ("Second", "Third"):
            await tasks.create(title, priority="low")
        changed = await tasks.change(first.id, status="completed", due_date=None)
        assert (changed.status, changed.due_date) == ("completed", None)
        assert [each.title async for each in tasks.list()] == ["Third", "Second", "Buy food"]
        assert [each.title async for each in tasks.list(status="completed", tag="misty")] == ["Buy food"]

        now = await house.installation()
        assert (str(now.id), now.permissions) == (listener.installed["id"], ("storage", "tasks"))


@directly
async def test_each_refusal_is_an_error_of_its_own(listener: Listener) -> None:
    here, person = listener.neighbourhood.house, listener.neighbourhood.player
    path = f"/api/v1/installations/{listener.installed['id']}"
    async with httpx.AsyncClient(trust_env=False) as http:
        house = House(await listener.callback(), http=http)
        with pytest.raises(NotGrantedError) as refused:
            await house.notify("Dinner", "It is time.")
        assert (refused.value.status, refused.value.permission_type) == (403, "notification")
        with pytest.raises(CallbackError) as invalid:
            await house.tasks.create("x", priority="greatest")
        assert (invalid.value.status, invalid.value.code, type(invalid.value)) == (
            422,
            "validation_failed",
            CallbackError,
        )

        grant = {"granted": True}
        await here.call("installation", "PUT", f"{path}/permissions/notification", grant, person=person)
        house = House(await listener.callback(), http=http)
        sent = await house.notify("Dinner", "It is time.", data={"bowl": 2}, idempotency_key="dinner")
        assert (await house.notify("Dinner", "It is time.", data={"bowl": 2}, idempotency_key="dinner")).id == sent.id
        with pytest.raises(RateLimitedError) as often:
            await house.notify("Dinner", "Now!")
        assert (often.value.code, often.value.retry_after_s) == ("rate_limited", 1)

        fill = text(
            "INSERT INTO cathouse.stored_values (installation_id, key, value)"
            " SELECT CAST(:id AS uuid), 'old-' || number, '1' FROM generate_series(1, 1000) AS number"
        )
        await here.execute(fill.bindparams(id=listener.installed["id"]))
        with pytest.raises(QuotaError) as full:
            await house.storage.put("one-more", 1)
        assert full.value.code == "storage_quota"

        known = await listener.callback()
        forged = known.model_copy(update={"token": SecretStr("chi_forged")})
        with pytest.raises(TokenRefusedError):
            await House(forged, http=http).installation()
        await here.call("installation", "POST", f"{path}/pause", person=person)
        with pytest.raises(NotActiveError) as paused:
            await house.installation()
        assert paused.value.status == 401
    with pytest.raises(NotActiveError):
        await House(None, http=http).installation()


def callback(url: str) -> Callback:
    return Callback.model_validate(
        {"installation_url": url, "proxy_url": url, "token": "chi_hidden", "expires_at": TOMORROW}
    )


async def test_a_house_that_does_not_answer_is_an_error_without_the_token() -> None:
    listener = listen()
    url = f"http://127.0.0.1:{port_of(listener)}"
    listener.close()
    async with House(callback(url)) as house:
        with pytest.raises(UnavailableError) as away:
            await house.notify("a", "b")
    assert (away.value.status, away.value.code) == (None, "unreachable")
    assert "chi_hidden" not in f"{away.value!r}{away.value}{vars(away.value)}"


async def test_a_call_has_a_time_limit_for_all_of_it() -> None:
    async def hang(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as http:
        with pytest.raises(UnavailableError, match=r"0\.02 s"):
            await calls.exchange(http, "GET", "http://house", headers={}, timeout_s=0.02)


@pytest.mark.parametrize(
    ("answer", "kind", "wait_s"),
    [
        (httpx.Response(503, json={"code": "database_unavailable"}, headers={"Retry-After": "2"}), UnavailableError, 2),
        (httpx.Response(502, text="<html>"), UnavailableError, None),
        (httpx.Response(504, text="<html>"), UnavailableError, None),
        (httpx.Response(502, json={"code": "destination_unavailable"}), CallbackError, None),
        (httpx.Response(500, text="<html>"), CallbackError, None),
        (httpx.Response(307, headers={"Location": "http://elsewhere"}), CallbackError, None),
        (httpx.Response(429, json=["?"], headers={"Retry-After": "soon"}), RateLimitedError, None),
        (httpx.Response(200, text="<html>"), CallbackError, None),
    ],
)
async def test_whatever_answers_there_is_an_error_of_ours(
    answer: httpx.Response, kind: type[CallbackError], wait_s: int | None
) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: answer)) as http:
        with pytest.raises(CallbackError) as refused:
            await House(callback("http://house"), http=http).installation()
    assert type(refused.value) is kind
    assert refused.value.retry_after_s == wait_s
