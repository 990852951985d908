"""What a cat asks of proxy-service: tokens between two messages, calls to the outside."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cathouse.cat import Callback, CallbackError, Cat, House, NotActiveError, request_token
from cathouse.schema import Release
from tests.cat.conftest import Neighbourhood
from tests.cat.envelopes import OTHER_SECRET
from tests.cat.page import load
from tests.factories.cats import STORAGE
from tests.fixtures.house import directly
from tests.fixtures.lifecycle import until_told
from tests.fixtures.serving import serve

EXTERNAL = {"permission_type": "external_api", "description": "To ask the weather.", "required": True}
KEY = {
    "name": "weather_key",
    "host": "weather.example.com",
    "header": "X-Api-Key",
    "description": "Your key.",
    "required": True,
}


@directly
async def test_a_cat_acts_between_two_messages(
    neighbourhood: Neighbourhood, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house, player = neighbourhood.house, neighbourhood.player
    draft, secret = await neighbourhood.draft()
    example = load("reminding_cat.py", secret, monkeypatch)
    async with serve(example.cat) as url:
        installed = await neighbourhood.settle(draft, url)
        await until_told(house.engine)
        assert [str(each) for each in example.homes] == [installed["id"]]
        for _ in range(2):
            await example.remind()
        inbox = (await house.call("installation", "GET", "/api/v1/notifications", person=player)).json()["items"]
        assert [each["title"] for each in inbox] == ["Dinner"]

        (known,) = example.homes.values()
        token = await request_token(known.proxy_url, installed["id"], [secret])
        assert not token.expired
        assert token.token.get_secret_value() not in repr(token)
        with pytest.raises(CallbackError) as stranger:
            await request_token(known.proxy_url, installed["id"], OTHER_SECRET)
        assert (type(stranger.value), stranger.value.code) == (CallbackError, "invalid_signature")

        path = f"/api/v1/installations/{installed['id']}"
        await house.call("installation", "POST", f"{path}/pause", person=player)
        with pytest.raises(NotActiveError):
            await request_token(known.proxy_url, installed["id"], secret)
        capsys.readouterr()
        await example.remind()
        assert f"nothing said to {installed['id']}: installation_not_active" in capsys.readouterr().out
        await house.call("installation", "DELETE", path, person=player, expect=204)
        await until_told(house.engine)
        assert example.homes == {}


@dataclass
class Weather:
    """A host outside, and what it was asked."""

    url: str = ""
    asked: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        if request.method == "PUT":
            return Response(await request.body(), 404, headers={"ETag": '"1"'})
        return JSONResponse({"c": 21})


@pytest.fixture
async def weather() -> AsyncIterator[Weather]:
    answering = Weather()
    async with serve(Starlette(routes=[Route("/", answering.answer, methods=["GET", "PUT"])])) as url:
        answering.url = f"{url}/"
        yield answering


@directly
async def test_a_cat_calls_the_outside(
    neighbourhood: Neighbourhood, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = neighbourhood.house
    declared = {"permissions": [STORAGE, EXTERNAL], "egress_hosts": [KEY["host"]], "secrets": [KEY]}
    draft, secret = await neighbourhood.draft(**declared)
    example: Cat = load("weather_cat.py", secret, monkeypatch).cat
    async with serve(example) as url:
        installed = await neighbourhood.settle(
            draft, url, granted=["storage", "external_api"], secrets={"weather_key": "sunny-side-up"}
        )
        # The catalog takes public names only: this machine is declared behind its back.
        here = {"egress_hosts": ["127.0.0.1"], "secrets": [{**KEY, "host": "127.0.0.1"}]}
        await house.execute(update(Release).values(here))
        assert await neighbourhood.say(installed, weather.url) == {"status": 200, "weather": {"c": 21}}
        (asked,) = weather.asked
        assert (asked.headers["x-api-key"], asked.headers["accept"]) == ("sunny-side-up", "application/json")

        token = await request_token(house.urls["proxy"], installed["id"], secret)
        callback = Callback(
            installation_url=house.urls["installation"],
            proxy_url=house.urls["proxy"],
            token=token.token,
            expires_at=token.expires_at,
        )
        async with House(callback) as own:
            for body in (b"\x00\xff", "ü"):
                answer = await own.external("PUT", weather.url, body=body)
                expected = body if isinstance(body, bytes) else body.encode()
                assert (answer.status, answer.headers["etag"], answer.body) == (404, '"1"', expected)
            with pytest.raises(CallbackError) as elsewhere:
                await own.external("GET", "https://elsewhere.example.com/")
            assert (elsewhere.value.status, elsewhere.value.code) == (403, "host_not_declared")
