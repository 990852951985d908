"""Vectors from a server that speaks OpenAI's API, over HTTP: asked for beside the requests, and caught up with."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from catalog_service.embeddings import service
from catalog_service.embeddings.embedder import EmbeddingError, HttpEmbedder, LocalEmbedder, make_embedder
from catalog_service.settings import CatalogSettings
from cathouse.configuration import ConfigurationError, load
from cathouse.database import DatabaseUrl
from cathouse.schema import EMBEDDING_DIMENSIONS, CatSearch
from tests.fixtures.house import House, run_house
from tests.fixtures.serving import serve
from tests.fixtures.waiting import until

KEY = "sk-a-key-that-nobody-sees"


class Model:
    """Answers as OpenAI's embeddings do: texts that share words point the same way. ``mood`` is another answer."""

    def __init__(self, dimensions: int = 64) -> None:
        self.dimensions = dimensions
        self.asked: list[dict[str, Any]] = []
        self.mood: Response | None = None
        self.hangs = False
        self.app = Starlette(routes=[Route("/v1/embeddings", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        if self.hangs:
            await asyncio.sleep(60)
        if self.mood is not None:
            return self.mood
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": f"bad key {request.headers.get('authorization')}"}}, 401)
        data = [{"index": at, "embedding": self._vector(text)} for at, text in enumerate(body["input"])]
        return JSONResponse({"object": "list", "data": data[::-1], "model": body["model"]})

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        for word in text.lower().split():
            vector[hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1.0
        return vector


@pytest.fixture
def model() -> Model:
    return Model()


@asynccontextmanager
async def answering(model: Model) -> AsyncIterator[str]:
    async with serve(model.app) as url:
        yield f"{url}/v1"


def asking(url: str, **changes: Any) -> dict[str, Any]:
    """Settings of a catalog that asks the model."""
    return {"embeddings_url": url, "embeddings_api_key": SecretStr(KEY), "embeddings_model": "words-64", **changes}


def models(engine: Engine) -> list[str | None]:
    with engine.connect() as connection:
        return list(connection.scalars(select(CatSearch.embedding_model).order_by(CatSearch.embedding_model)))


async def until_embedded(engine: Engine, *names: str) -> None:
    await until(lambda: models(engine) == list(names))


async def basis(house: House, cat: Mapping[str, Any]) -> str:
    return str((await house.call("catalog", "GET", f"/api/v1/cats/{cat['id']}/similar")).json()["basis"])


async def test_what_is_published_gets_a_vector_and_drafts_are_not_sent(
    clean_db: DatabaseUrl, owner_engine: Engine, model: Model
) -> None:
    async with answering(model) as url, run_house(clean_db, **asking(url)) as house:
        developer = await house.register("developer")
        await house.draft(developer, description="A secret idea.")
        first = await house.publish(developer, name="Baker", description="bread and dough", tags=["baking"])
        await house.publish(developer, name="Oven", description="dough and bread", tags=["baking"])
        await house.publish(developer, name="Runner", description="marathons", tags=["sport"])
        await until_embedded(owner_engine, "words-64", "words-64", "words-64", None)  # type: ignore[arg-type]
        found = (await house.call("catalog", "GET", f"/api/v1/cats/{first['id']}/similar")).json()
        assert (found["basis"], found["items"][0]["name"]) == ("meaning", "Oven")
        assert "secret" not in str(model.asked)
        assert {body["model"] for body in model.asked} == {"words-64"}
        asked = len(model.asked)
        await house.call("catalog", "PATCH", f"/api/v1/cats/{first['id']}", {"name": "Miller"}, person=developer)
        await until(lambda: any("Miller" in str(body) for body in model.asked[asked:]))


async def test_an_outage_stops_nothing_and_is_caught_up_with(
    clean_db: DatabaseUrl, owner_engine: Engine, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FIRST_PAUSE_S", 0.1)
    model.mood = PlainTextResponse("overloaded", 503)
    with capture_logs() as logs:
        async with answering(model) as url, run_house(clean_db, **asking(url)) as house:
            developer = await house.register("developer")
            cat = await house.publish(developer, name="Patient", description="waits for a vector")
            await until(lambda: any(line["event"] == "embeddings.failed" for line in logs))
            assert await basis(house, cat) == "text"
            found = await house.call("catalog", "GET", "/api/v1/cats?search=vector")
            assert [item["name"] for item in found.json()["items"]] == ["Patient"]
            model.mood = None
            await until_embedded(owner_engine, "words-64")
    failed = [line["cause"] for line in logs if line["event"] == "embeddings.failed"]
    assert failed[0].endswith("/v1/embeddings answered 503")
    assert KEY not in str(logs)


async def test_a_text_that_the_model_cannot_take_keeps_no_other_waiting(
    clean_db: DatabaseUrl, owner_engine: Engine, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FIRST_PAUSE_S", 0.01)
    async with run_house(clean_db) as house:  # without a model: all wait
        developer = await house.register("developer")
        for number in range(6):
            await house.publish(developer, name=f"Cat {number}", description="poison" if number == 3 else "milk")
    vector = model._vector
    model._vector = lambda text: [0.0] if "poison" in text else vector(text)  # type: ignore[method-assign]
    async with answering(model) as url, run_house(clean_db, **asking(url)):
        await until_embedded(owner_engine, *["words-64"] * 5, None)  # type: ignore[arg-type]


async def test_another_model_makes_all_vectors_anew(clean_db: DatabaseUrl, owner_engine: Engine, model: Model) -> None:
    async with answering(model) as url:
        async with run_house(clean_db, **asking(url)) as house:
            await house.publish(await house.register("developer"))
            await until_embedded(owner_engine, "words-64")
        async with run_house(clean_db, **asking(url, embeddings_model="other", embeddings_dimensions=64)):
            await until_embedded(owner_engine, "other/64")
    assert model.asked[-1]["dimensions"] == 64


async def test_search_finds_by_meaning_when_words_find_little_and_waits_a_second_at_most(
    clean_db: DatabaseUrl, owner_engine: Engine, model: Model
) -> None:
    async with answering(model) as url, run_house(clean_db, **asking(url)) as house:
        developer = await house.register("developer")
        await house.publish(developer, name="Night Nurse", description="lullabies", tags=["a"])
        await house.publish(developer, name="Grill", description="steaks", tags=["b"])
        await until_embedded(owner_engine, "words-64", "words-64")
        model._vector = lambda text: [float("lullabies" in text or "cannot drift" in text), 0.1]  # type: ignore[method-assign]
        await house.execute(update(CatSearch).values(embedding=None, embedding_model=None))
        await house.call("catalog", "GET", "/api/v1/cats")
        await house.publish(developer, name="Third", description="nothing", tags=["c"])
        await until_embedded(owner_engine, "words-64", "words-64", "words-64")
        path = "/api/v1/cats?search=cannot+drift"
        assert [item["name"] for item in (await house.call("catalog", "GET", path)).json()["items"]] == ["Night Nurse"]
        model.hangs = True
        began = asyncio.get_running_loop().time()
        found = await house.call("catalog", "GET", "/api/v1/cats?search=grill+cannot")
        assert [item["name"] for item in found.json()["items"]] == ["Grill"]
        assert asyncio.get_running_loop().time() - began < 10


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        (JSONResponse({"error": "no"}, 401), "answered 401: check EMBEDDINGS_API_KEY"),
        (JSONResponse({"error": "no"}, 404), "answered 404: check EMBEDDINGS_URL"),
        (JSONResponse({"error": "no"}, 400), "leave EMBEDDINGS_DIMENSIONS out"),
        (PlainTextResponse("<html>"), "is it an OpenAI-compatible API"),
        (JSONResponse([1, 2]), "something else than vectors"),
        (JSONResponse({"data": []}), "0 vectors to 1 texts"),
        (JSONResponse({"data": [{"index": 0, "embedding": []}]}), "points nowhere"),
        (JSONResponse({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}), "points nowhere"),
        (Response('{"data": [{"index": 0, "embedding": [NaN]}]}', media_type="application/json"), "points nowhere"),
        (JSONResponse({"data": [{"index": 0, "embedding": [1.0] * 1536}]}), "set EMBEDDINGS_DIMENSIONS=1024"),
        (JSONResponse({"data": [{"index": 0, "embedding": ["x"]}]}), "something else than vectors"),
        (Response(b"[" * 100_000, media_type="application/json"), "is it an OpenAI-compatible API"),
    ],
)
async def test_what_is_no_vector_is_told_with_what_to_do(model: Model, mood: Response, says: str) -> None:
    model.mood = mood
    async with answering(model) as url:
        embedder = HttpEmbedder(url, model="m", api_key=KEY, dimensions=None)
        with pytest.raises(EmbeddingError) as told:
            await embedder.embed(["a text"], timeout_s=10)
        await embedder.close()
    assert says in str(told.value)
    assert KEY not in str(told.value)
    assert "a text" not in str(told.value)


async def test_who_hangs_or_is_away_is_told_in_time(model: Model) -> None:
    model.hangs = True
    async with answering(model) as url:
        embedder = HttpEmbedder(url, model="m", api_key=None, dimensions=None)
        with pytest.raises(EmbeddingError, match=r"did not answer within 0\.2 s"):
            await embedder.embed(["a"], timeout_s=0.2)
        await embedder.close()
    away = HttpEmbedder("http://127.0.0.1:1/v1", model="m", api_key=None, dimensions=None)
    with pytest.raises(EmbeddingError, match="cannot be reached"):
        await away.embed(["a"], timeout_s=5)
    await away.close()


async def test_the_local_model_knows_what_is_alike() -> None:
    local = make_embedder("local", model="whatever")
    assert isinstance(local, LocalEmbedder)
    vectors = await local.embed(["a lullaby for the night", "songs to sleep to", "tax returns"], timeout_s=60)
    assert {len(vector) for vector in vectors} == {EMBEDDING_DIMENSIONS}

    def likeness(left: int, right: int) -> float:
        return sum(a * b for a, b in zip(vectors[left], vectors[right], strict=True))

    assert likeness(0, 1) > likeness(0, 2) + 0.1
    assert likeness(0, 0) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("EMBEDDINGS_URL", "ftp://models.example.com", "it is an http or https URL, or the word local"),
        ("EMBEDDINGS_URL", "models.example.com/v1", "it is an http or https URL"),
        ("EMBEDDINGS_URL", f"https://user:{KEY}@models.example.com/v1", "the key is EMBEDDINGS_API_KEY"),
        ("EMBEDDINGS_DIMENSIONS", "1025", "less than or equal to 1024"),
    ],
)
def test_what_is_no_setting_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as told:
        load(CatalogSettings)
    assert f"{name}: " in str(told.value)
    assert says in str(told.value)
    assert KEY not in str(told.value)
