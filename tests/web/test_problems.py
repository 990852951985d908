"""What the framework refuses."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from cathouse.web.contract.problems import install_problem_handlers


@pytest.mark.parametrize(("path", "allowed"), [("/cats", {"GET", "POST"}), ("/cats/misty", {"GET", "PATCH", "DELETE"})])
async def test_a_405_names_every_method_of_the_path_whichever_router_has_it(path: str, allowed: set[str]) -> None:
    def nothing() -> None: ...

    first, second = APIRouter(), APIRouter(prefix="/cats")
    first.add_api_route("/cats", nothing, methods=["GET"])
    second.add_api_route("", nothing, methods=["POST"])
    for method in ("GET", "PATCH", "DELETE"):
        second.add_api_route("/{name}", nothing, methods=[method])
    app = FastAPI()
    install_problem_handlers(app)
    app.include_router(first)
    app.include_router(second)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cats.example.com") as http:
        for method in ("PUT", "OPTIONS", "TRACE"):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
            assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ('{"name": ', "application/json", "This is no JSON: Expecting value (at character 9)"),
        ('{"name": "Misty"}', "", "JSON is expected, with the header Content-Type: application/json"),
        ("name=Misty", "application/x-www-form-urlencoded", "JSON is expected, with the header Content-Type: "),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_what_is_wrong_with_it(
    body: str, content_type: str, message: str
) -> None:
    class Wish(BaseModel):
        name: str

    async def make(wish: Wish) -> Wish:
        return wish

    app = FastAPI()
    install_problem_handlers(app)
    app.add_api_route("/cats", make, methods=["POST"])
    headers = {"Content-Type": content_type} if content_type else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cats.example.com") as http:
        answer = await http.post("/cats", content=body, headers=headers)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["location"]) == (422, "body")
    assert fault["message"].startswith(message)
