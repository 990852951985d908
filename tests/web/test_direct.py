"""The short way to a route answers what the framework's own way answers, to whatever is asked."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, Depends, FastAPI, Header, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from cathouse.web import JsonValue, RequestModel, direct, provided, revalidated
from cathouse.web.contract.problems import install_problem_handlers
from cathouse.web.contract.revalidation import RevalidationMiddleware
from cathouse.web.direct import DirectRoutes
from cathouse.web.limits.body import LARGEST_BODY, BodyLimitMiddleware
from cathouse.web.limits.shedding import OverloadedError

CAT = uuid.UUID("0190b7a5-5d1e-7c3e-9c39-1d1c8a1b2c3d")


class Word(RequestModel):
    """A body."""

    said: JsonValue
    loud: bool = False


class View(BaseModel):
    """An answer."""

    id: uuid.UUID
    caller: str
    said: Any = None


class WholeView(View):
    """An answer for some."""

    secret: str


class SecretView(View):
    """What a route that promises a View must not give away."""

    secret: str = "hidden"


async def token_of(request: Request) -> str:
    return request.headers.get("authorization", "")


async def caller(token: Annotated[str, Depends(token_of)], request: Request) -> str:
    if token == "busy":
        raise OverloadedError
    return f"{token or 'nobody'} at {request.url.path}"


async def counted(request: Request) -> None:
    request.app.state.calls += 1


Caller = Annotated[str, Depends(caller)]


def make_app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(RevalidationMiddleware)
    app.add_middleware(BodyLimitMiddleware)
    install_problem_handlers(app)
    app.state.calls = 0

    @app.get("/cats/mine")
    async def mine() -> str:
        return "mine"

    @app.get("/cats/{cat_id}")
    @direct
    @revalidated
    async def read(cat_id: uuid.UUID, who: Caller, token: Annotated[str, Depends(token_of)]) -> WholeView | View:
        if token == "owner":
            return WholeView(id=cat_id, caller=who, secret="purr")
        return SecretView(id=cat_id, caller=who) if token == "subclass" else View(id=cat_id, caller=who)

    @app.post("/cats/{cat_id}/words", status_code=201, dependencies=[Depends(counted)])
    @direct
    async def say(cat_id: uuid.UUID, word: Word, who: Caller) -> View:
        if word.said == "fail":
            raise ZeroDivisionError
        return View(id=cat_id, caller=who, said=[word.said, word.loud])

    @app.post("/cats/{cat_id}/raw", response_class=Response)
    @direct
    async def raw(cat_id: uuid.UUID, word: Word, request: Request) -> Response:
        return PlainTextResponse(f"{cat_id} {word.said} {request.state.house}", 202, {"X-Own": "1"})

    return app


class Ways:
    """The same application by both ways; ``long`` counts the requests that did not go the short one."""

    def __init__(self) -> None:
        self.app = make_app()
        self.long = 0
        self._direct = DirectRoutes(self.app, self._otherwise)

    async def _otherwise(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.long += 1
        await self.app(scope, receive, send)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[httpx.Response, bool]:
        """What both answer, and whether the short way was taken."""
        options["headers"] = {"Content-Type": "application/json", **options.get("headers", {})}
        before = self.long
        answers = [await self._ask(app, method, path, options) for app in (self._direct, self.app)]
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].content == answers[1].content
        assert sorted(answers[0].headers.multi_items()) == sorted(answers[1].headers.multi_items())
        return answers[0], self.long == before

    async def _ask(self, app: Any, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"house": "open", "request_id": "r"}
            await app(scope, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state), base_url="http://cats.example.com"
        ) as http:
            return await http.request(method, path, **options)


async def test_what_is_plain_takes_the_short_way() -> None:
    ways = Ways()
    answer, is_short = await ways.ask("GET", f"/cats/{CAT}")
    assert (answer.json(), is_short) == ({"id": str(CAT), "caller": f"nobody at /cats/{CAT}", "said": None}, True)
    answer, is_short = await ways.ask("POST", f"/cats/{CAT}/words", content='{"said": {"a": [1, "ü"]}, "loud": true}')
    assert (answer.status_code, answer.json()["said"], is_short) == (201, [{"a": [1, "ü"]}, True], True)
    answer, is_short = await ways.ask("POST", f"/cats/{CAT}/raw", content='{"said": "miaow"}')
    assert (answer.status_code, answer.text, is_short) == (202, f"{CAT} miaow open", True)


async def test_a_refusal_of_ours_is_the_same_by_both_ways() -> None:
    answer, is_short = await Ways().ask("GET", f"/cats/{CAT}", headers={"Authorization": "busy"})
    assert (answer.status_code, answer.json()["code"], is_short) == (503, "overloaded", True)


@pytest.mark.parametrize("token", ["", "owner", "subclass"])
async def test_an_answer_has_what_its_route_promises_and_nothing_else(token: str) -> None:
    answer, is_short = await Ways().ask("GET", f"/cats/{CAT}", headers={"Authorization": token})
    assert ("secret" in answer.json()) == (token == "owner")
    assert is_short


async def test_what_the_client_has_is_not_sent_again() -> None:
    ways = Ways()
    answer, _ = await ways.ask("GET", f"/cats/{CAT}")
    again, is_short = await ways.ask("GET", f"/cats/{CAT}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, is_short) == (304, b"", True)


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", "/cats/mine", None, {}, 200),
        ("GET", "/cats/not-a-uuid", None, {}, 422),
        ("GET", f"/cats/{CAT}/", None, {}, 307),
        ("DELETE", f"/cats/{CAT}", None, {}, 405),
        ("GET", f"/cats/{CAT}/words", None, {}, 405),
        ("POST", f"/cats/{CAT}/words", '{"loud": true}', {}, 422),
        ("POST", f"/cats/{CAT}/words", '{"said": 1, "more": 2}', {}, 422),
        ("POST", f"/cats/{CAT}/words", '{"said": "\\u0000"}', {}, 422),
        ("POST", f"/cats/{CAT}/words", "[" * 100_000, {}, 400),
        ("POST", f"/cats/{CAT}/words", '{"said": ', {}, 422),
        ("POST", f"/cats/{CAT}/words", "", {}, 422),
        ("POST", f"/cats/{CAT}/words", b"\xff", {}, 400),
        ("POST", f"/cats/{CAT}/words", '{"said": 1}', {"Content-Type": "text/plain"}, 422),
        ("POST", f"/cats/{CAT}/words", '{"said": 1}', {"Content-Type": "application/json; charset=utf-8"}, 201),
        ("POST", f"/cats/{CAT}/words", '{"said": "' + "m" * LARGEST_BODY + '"}', {}, 413),
    ],
)
async def test_anything_else_goes_the_long_way_as_it_came(
    method: str, path: str, content: Any, headers: dict[str, str], status: int
) -> None:
    answer, is_short = await Ways().ask(method, path, content=content, headers=headers)
    assert (answer.status_code, is_short) == (status, False)


async def test_a_body_in_parts_and_one_that_grows_too_large_unannounced() -> None:
    async def parts(texts: list[bytes]) -> AsyncIterator[bytes]:
        for text in texts:
            yield text

    for texts, expected in (([b'{"said"', b": 1", b"}"], (201, True)), ([b"m" * 1000] * 1100, (413, False))):
        ways = Ways()
        statuses = set()
        for app in (DirectRoutes(ways.app, ways._otherwise), ways.app):
            options = {"content": parts(texts), "headers": {"Content-Type": "application/json"}}
            statuses.add((await ways._ask(app, "POST", f"/cats/{CAT}/words", options)).status_code)
        assert (statuses, ways.long == 0) == ({expected[0]}, expected[1])


async def test_a_request_that_goes_the_long_way_after_all_has_done_nothing_before() -> None:
    ways = Ways()
    await ways._ask(
        DirectRoutes(ways.app, ways._otherwise),
        "POST",
        f"/cats/{CAT}/words",
        {"content": '{"said": 1}', "headers": {"Content-Type": "application/json; charset=utf-8"}},
    )
    assert (ways.long, ways.app.state.calls) == (1, 1)


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_not_waited_for() -> None:
    ways = Ways()
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"said"', "more_body": True},
        {"type": "http.disconnect"},
    ]
    seen: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def otherwise(_scope: Scope, receive: Receive, _send: Send) -> None:
        seen.extend([await receive(), await receive()])

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/cats/{CAT}/words",
        "headers": [(b"content-type", b"application/json")],
    }
    expected = list(messages)
    await DirectRoutes(ways.app, otherwise)(scope, receive, receive)  # type: ignore[arg-type]  # nothing is sent
    assert seen == expected


async def test_a_dependency_that_a_test_replaces_is_replaced() -> None:
    ways = Ways()
    ways.app.dependency_overrides[caller] = lambda: "somebody else"
    answer, is_short = await ways.ask("GET", f"/cats/{CAT}")
    assert (answer.json()["caller"], is_short) == ("somebody else", False)


async def test_a_bug_is_not_swallowed() -> None:
    ways = Ways()
    for app in (DirectRoutes(ways.app, ways._otherwise), ways.app):
        with pytest.raises(ZeroDivisionError):
            await ways._ask(app, "POST", f"/cats/{CAT}/words", {"json": {"said": "fail"}})
    assert ways.long == 0


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)))
async def test_any_value_is_read_and_written_as_the_framework_does(value: Any) -> None:
    await Ways().ask("POST", f"/cats/{CAT}/words", content=json.dumps({"said": value}).encode("utf-8", "surrogatepass"))


def test_what_only_the_framework_can_give_is_refused_when_a_service_is_put_together() -> None:
    def plain(_request: Request) -> None: ...

    async def generator() -> AsyncIterator[None]:
        yield

    async def with_query(limit: int) -> None: ...

    async def with_header(x_own: Annotated[str, Header()]) -> None: ...

    async def with_response(response: Response) -> None: ...

    for dependency, told in (
        (plain, "no coroutine function"),
        (generator, "no coroutine function"),
        (with_query, "query_params"),
        (with_header, "header_params"),
        (with_response, "response_param_name"),
    ):
        app = FastAPI()

        @app.get("/cats", dependencies=[Depends(dependency)])
        @direct
        async def read() -> View: ...  # type: ignore[empty-body]  # never called

        with pytest.raises(ValueError, match=rf"GET /cats: .*{told}"):
            DirectRoutes(app, app)

    app = FastAPI()

    @app.post("/cats/{path:path}")
    @direct
    async def deep(path: str) -> View: ...  # type: ignore[empty-body]

    with pytest.raises(ValueError, match="single segments"):
        DirectRoutes(app, app)

    app = FastAPI()

    @app.post("/cats")
    @direct
    async def two(one: Annotated[str, Body()], other: Annotated[str, Body()]) -> View: ...  # type: ignore[empty-body]

    with pytest.raises(ValueError, match="one model"):
        DirectRoutes(app, app)


async def test_what_the_lifespan_made_is_provided() -> None:
    app = FastAPI()

    @app.get("/house", response_class=Response)
    @direct
    async def house(found: Annotated[str, provided("house")]) -> PlainTextResponse:
        return PlainTextResponse(found)

    ways = Ways()
    answer = await ways._ask(DirectRoutes(app, ways._otherwise), "GET", "/house", {})
    assert (answer.text, ways.long) == ("open", 0)
