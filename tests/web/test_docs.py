"""What the documentation pages are allowed to do, and that what they say is what is sent."""

import html
import re
from collections.abc import AsyncIterator

import httpx

from cathouse.database import DatabaseUrl
from cathouse.identity.access import TOKEN_PATH
from cathouse.web.contract.problems import FRAMEWORK_ERRORS
from cathouse.web.limits.body import LARGEST_BODY
from tests.fixtures.house import create_service, settings_for
from tests.fixtures.serving import serve


async def test_a_page_may_log_in_at_an_auth_service_that_is_reached_under_a_path(clean_db: DatabaseUrl) -> None:
    settings = settings_for("catalog", clean_db, {}, public_auth_url="https://house.example/auth")
    async with serve(create_service("catalog", settings)) as url, httpx.AsyncClient(trust_env=False) as http:
        page = await http.get(f"{url}/docs")
        document = (await http.get(f"{url}/openapi.json")).json()
    token_url = document["components"]["securitySchemes"]["Person"]["flows"]["password"]["tokenUrl"]
    assert token_url == f"https://house.example/auth{TOKEN_PATH}"
    assert "connect-src 'self' https://house.example;" in page.headers["content-security-policy"]


async def in_parts() -> AsyncIterator[bytes]:
    """A body of which nobody knows beforehand how long it is."""
    for _ in range(2):
        yield b" " * LARGEST_BODY


async def test_what_the_framework_refuses_has_the_title_that_the_page_of_errors_says(clean_db: DatabaseUrl) -> None:
    async with (
        serve(create_service("catalog", settings_for("catalog", clean_db, {}))) as url,
        httpx.AsyncClient(base_url=url, headers={"Content-Type": "application/json"}, trust_env=False) as http,
    ):
        answers = [
            await http.post("/api/v1/cats", content=b"\xff"),
            await http.get("/no/such/path"),
            await http.put("/health"),
            await http.post("/api/v1/cats", content=b" " * 2 * LARGEST_BODY),
            await http.post("/api/v1/cats", content=in_parts()),
            await http.post("/api/v1/cats", content=b"{"),
        ]
        page = (await http.get("/docs/errors")).text
    documented = re.findall(r'<tr id="(.*?)"><td>.*?</td><td>(.*?)</td><td>(.*?)</td>', page)
    titles = {code: (statuses.split(", "), html.unescape(title)) for code, statuses, title in documented}
    assert {answer.status_code for answer in answers} == set(FRAMEWORK_ERRORS)
    for sent in [answer.json() for answer in answers]:
        statuses, title = titles[sent["code"]]
        assert str(sent["status"]) in statuses
        assert sent["title"] == title
