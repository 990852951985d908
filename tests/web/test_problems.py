"""What the router refuses."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI

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
