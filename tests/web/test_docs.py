"""What the documentation pages are allowed to do."""

import httpx

from cathouse.database import DatabaseUrl
from cathouse.identity.access import TOKEN_PATH
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
