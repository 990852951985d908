"""What a client says about the host it talks to has no influence on anything that is answered."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx

from cathouse.web import SERVICES
from tests.factories.accounts import PASSWORD
from tests.fixtures.house import House

EVIL = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "4711",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-For": "203.0.113.7",
    "X-Original-URL": "/evil",
    "X-Rewrite-URL": "/evil",
    "X-Real-IP": "203.0.113.7",
    "X-Script-Name": "/evil",
    "Forwarded": "for=203.0.113.7;host=evil.example;proto=https",
}
PATHS = (
    "/",
    "/docs",
    "/docs/",
    "/docs/assets",
    "/docs/assets/",
    "/docs/oauth2-redirect/",
    "/openapi.json",
    "/openapi.json/",
    "/health/",
    "/api/v1/users/me",
    "/api/v1/users/me/",
    "/api/v1/cats?limit=1",
    "/api/v1/cats/",
    "/api/v1/installations/",
    "/api/v1/nowhere",
    "//evil.example/",
    "//evil.example/%2e%2e",
)


def told(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """An answer without what differs from one to the next."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"date", "x-request-id"}}
    body: Any = answer.text
    if "json" in headers.get("content-type", ""):
        body = json.loads(body)
        if isinstance(body, dict):
            body.pop("request_id", None)
    return answer.status_code, headers, body


async def test_every_answer_is_the_same_whatever_host_is_named(house: House) -> None:
    for service in SERVICES:
        for path in PATHS:
            plain = await house.http.get(house.urls[service] + path)
            named = await house.http.get(house.urls[service] + path, headers=EVIL)
            assert told(named) == told(plain), f"{service} {path}"
            assert not named.is_redirect, f"{service} {path}"
            if not path.startswith("//"):
                assert "evil" not in f"{named.headers} {named.text}"


async def test_a_log_in_notes_the_connection_and_not_what_is_said_of_it(house: House) -> None:
    person = await house.register()
    body = {"email": person.email, "password": PASSWORD}
    tokens = (await house.call("auth", "POST", "/api/v1/auth/login", body, headers=EVIL)).json()
    headers = {**EVIL, "Authorization": f"Bearer {tokens['access_token']}"}
    answer = await house.call("auth", "GET", "/api/v1/sessions", headers=headers)
    assert {each["ip"] for each in answer.json()["items"]} == {"127.0.0.1"}
    assert "evil" not in answer.text


async def test_no_user_agent_breaks_a_log_in(house: House) -> None:
    person = await house.register()
    body = json.dumps({"email": person.email, "password": PASSWORD}).encode()
    for said in (b"a\x00b", b"a\x1fb", b"a\x7fb", b"a\x80b\xff", b"a\tb", b"", b"a" * 5000):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(house.urls["auth"]).port)
        writer.write(
            b"POST http://evil.example/api/v1/auth/login HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nUser-Agent: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (said, len(body), body)
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert int(answer.split(b" ", 2)[1]) in {200, 400}, said
        assert b"evil" not in answer
