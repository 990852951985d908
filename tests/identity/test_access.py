"""What each access alias lets in, and how it refuses the others."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from cathouse.errors import ServiceError
from cathouse.identity import (
    AccessTokenVerifier,
    CallbackToken,
    CallingCat,
    CatalogReader,
    CatalogWriter,
    CurrentDeveloper,
    CurrentPlayer,
    DeveloperReader,
    InstallationNotActiveError,
    KeyUse,
    OptionalPerson,
    PermissionNotGrantedError,
    RecentPlayer,
    SignedRequest,
    SigningCat,
    called_by,
    check_standing,
    derive,
    issue_callback_token,
    issue_service_token,
    parse_roots,
    public,
)
from cathouse.identity.compact import sign
from cathouse.identity.principal import pseudonym_of
from cathouse.schema import PermissionType

ISSUER = "https://auth.example"
KEY = ECKey.generate_key("P-256", private=True)
ROOTS = parse_roots("r1:0123456789abcdefghijklmnopqrstuvwxyz")
CALLERS = {
    "catalog": derive(ROOTS, KeyUse.CATALOG_TO_PROXY),
    "installation": derive(ROOTS, KeyUse.INSTALLATION_TO_PROXY),
    "auth": derive(ROOTS, KeyUse.AUTH_TO_CATALOG),
}

app = FastAPI()


@app.get("/player")
async def _player(person: CurrentPlayer) -> str:
    return str(person.user_id)


@app.get("/developer")
async def _developer(person: CurrentDeveloper) -> str:
    return str(person.user_id)


@app.get("/recent")
async def _recent(person: RecentPlayer) -> str:
    return str(person.user_id)


@app.get("/writer")
async def _writer(person: CatalogWriter) -> str:
    return str(person.user_id)


@app.get("/developer-reader")
async def _developer_reader(person: DeveloperReader) -> str:
    return str(person.user_id)


@app.get("/reader")
async def _reader(person: CatalogReader) -> str | None:
    return str(person.user_id) if person else None


@app.get("/optional")
async def _optional(person: OptionalPerson) -> str | None:
    return str(person.user_id) if person else None


@app.get("/public", dependencies=[public])
async def _public() -> str:
    return "anybody"


@app.get("/cat")
async def _cat(cat: CallingCat) -> str:
    return str(cat.installation_id)


@app.post("/signed")
async def _signed(request: SigningCat) -> dict[str, Any]:
    return {"headers": request.headers, "body": request.body.decode()}


@app.get("/internal", dependencies=[called_by("catalog", "installation")])
async def _internal() -> str:
    return "called"


@app.exception_handler(ServiceError)
async def _refused(_request: Request, error: ServiceError) -> Response:
    told = {"code": error.code, **error.members}
    return JSONResponse(told, error.status, headers=error.headers)


class _Keys:
    generation = 0

    async def find(self, kid: str) -> ECKey | None:
        return KEY if kid == "k" else None


class Caller:
    """Asks the application, and keeps what it noted of the last request."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self._serve), base_url="http://proxy.example")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.state = scope["state"] = {
            "service": "proxy",
            "access_tokens": AccessTokenVerifier(_Keys(), issuer=ISSUER, audience="proxy"),
            "callback_keys": derive(ROOTS, KeyUse.CALLBACK_TOKENS),
            "caller_keys": CALLERS,
        }
        await app(scope, receive, send)

    async def ask(self, route: str, token: str | None = None) -> httpx.Response:
        return await self.http.get(f"/{route}", headers={"Authorization": f"Bearer {token}"} if token else {})

    async def opened(self, token: str | None) -> set[str]:
        """The persons' routes that ``token`` opens; a person that is known is the right one."""
        answers = {route: await self.ask(route, token) for route in PERSONS}
        return {route for route, answer in answers.items() if answer.status_code == 200}


PERSONS = ("player", "developer", "recent", "writer", "developer-reader", "reader", "optional")


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    caller = Caller()
    yield caller
    await caller.http.aclose()


def token(role: str = "player", *, ago: float = 0, **claims: Any) -> str:
    """An access token of somebody who logged in ``ago`` seconds before now."""
    now = dt.datetime.now(dt.UTC).timestamp()
    made = {"iss": ISSUER, "sub": str(uuid.UUID(int=1)), "aud": "proxy", "iat": int(now), "exp": int(now) + 600}
    return sign({**made, "role": role, "auth_time": now - ago, **claims}, KEY, algorithm="ES256", typ="at+jwt", kid="k")


@pytest.mark.parametrize(
    ("sent", "opened"),
    [
        ({"role": "player"}, {"player", "recent", "reader", "optional"}),
        ({"role": "developer"}, set(PERSONS)),
        ({"role": "admin"}, set(PERSONS)),
        ({"role": "developer", "ago": 590}, set(PERSONS)),
        ({"role": "developer", "ago": 601}, set(PERSONS) - {"recent"}),
        ({"role": "developer", "scope": ""}, set()),
        ({"role": "developer", "scope": "catalog:read"}, {"reader"}),
        ({"role": "developer", "scope": "catalog:write"}, {"reader", "writer"}),
        ({"role": "developer", "scope": "developer:read"}, {"developer-reader"}),
        ({"role": "player", "scope": "catalog:read catalog:write developer:read"}, {"reader"}),
    ],
)
async def test_who_comes_in_where(caller: Caller, sent: dict[str, Any], opened: set[str]) -> None:
    assert await caller.opened(token(**sent)) == opened


async def test_a_person_is_known_where_there_is_a_token_and_named_in_the_log(caller: Caller) -> None:
    for route in PERSONS:
        assert (await caller.ask(route, token("developer"))).json() == str(uuid.UUID(int=1))
        assert caller.state["user"] == pseudonym_of(uuid.UUID(int=1))
    for route in ("reader", "optional"):
        assert (await caller.ask(route)).json() is None
        assert "user" not in caller.state


async def test_without_a_token_nobody_comes_in_and_the_challenge_names_no_error(caller: Caller) -> None:
    assert await caller.opened(None) == {"reader", "optional"}
    for route in (*(set(PERSONS) - {"reader", "optional"}), "cat", "internal"):
        refused = await caller.ask(route)
        assert (refused.status_code, refused.json()) == (401, {"code": "authentication_required"})
        assert refused.headers["www-authenticate"] == 'Bearer realm="cathouse"'
    assert (await caller.ask("public")).json() == "anybody"


async def test_a_bad_token_is_refused_also_where_none_is_needed(caller: Caller) -> None:
    for route in (*PERSONS, "cat", "internal"):
        refused = await caller.ask(route, "bad")
        assert (refused.status_code, refused.json()) == (401, {"code": "invalid_token"})
        assert refused.headers["www-authenticate"] == 'Bearer realm="cathouse", error="invalid_token"'
    assert (await caller.ask("public", "bad")).status_code == 200


@pytest.mark.parametrize(
    ("route", "sent", "told"),
    [
        ("developer", {"role": "player"}, {"code": "role_required", "role": "developer"}),
        ("player", {"scope": "catalog:read"}, {"code": "scope_required", "scope": None}),
        ("recent", {"scope": "catalog:read"}, {"code": "scope_required", "scope": None}),
        ("optional", {"scope": "catalog:read"}, {"code": "scope_required", "scope": None}),
        ("writer", {"scope": "catalog:read"}, {"code": "scope_required", "scope": "catalog:write"}),
        ("recent", {"ago": 3600}, {"code": "reauthentication_required"}),
    ],
)
async def test_a_refusal_says_what_would_do(
    caller: Caller, route: str, sent: dict[str, Any], told: dict[str, Any]
) -> None:
    refused = await caller.ask(route, token(**sent))
    assert (refused.status_code, refused.json()) == (403, told)


async def test_a_cat_comes_in_by_its_callback_token(caller: Caller) -> None:
    made, _ = issue_callback_token(
        derive(ROOTS, KeyUse.CALLBACK_TOKENS),
        **{name: uuid.UUID(int=2) for name in ("installation_id", "cat_id", "release_id")},
        scopes=frozenset(),
        generation=1,
    )
    assert (await caller.ask("cat", made)).json() == str(uuid.UUID(int=2))
    for route in (*PERSONS, "internal"):
        assert (await caller.ask(route, made)).status_code == 401


async def test_a_service_comes_in_where_it_is_named(caller: Caller) -> None:
    for name, status in (("catalog", 200), ("installation", 200), ("auth", 401)):
        made = issue_service_token(CALLERS[name], caller=name, callee="proxy")
        assert (await caller.ask("internal", made)).status_code == status
    for name, callee in (("catalog", "auth"), ("installation", "proxy"), ("proxy", "proxy")):
        made = issue_service_token(CALLERS["catalog"], caller=name, callee=callee)
        assert (await caller.ask("internal", made)).json() == {"code": "invalid_token"}


async def test_a_signed_request_is_handed_on_as_it_came(caller: Caller) -> None:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "7", "webhook-signature": "v1,x"}
    assert (await caller.http.post("/signed", content=b"text", headers=headers)).json() == {
        "headers": headers,
        "body": "text",
    }
    assert (await caller.http.post("/signed", content=b"")).json() == {
        "headers": dict.fromkeys(headers, ""),
        "body": "",
    }
    assert repr(SignedRequest(headers, b"text")) == "SignedRequest()"  # nothing of it gets into a log


@dataclass
class Installed:
    """What a query tells of an installation."""

    is_active: bool = True
    granted: tuple[PermissionType, ...] = ()


def test_a_cat_may_use_what_its_token_names_and_the_player_grants_now() -> None:
    storage, tasks = PermissionType.STORAGE, PermissionType.TASKS
    nobody = uuid.uuid4()
    token = CallbackToken(nobody, nobody, nobody, frozenset({storage}), 1, dt.datetime.now(dt.UTC))

    def stands(found: Installed | None, permission: PermissionType = storage) -> object:
        return check_standing(cast("Any", found), token, permission)

    allowed = Installed(granted=(storage, tasks))
    assert stands(allowed) is allowed
    for found, permission in ((allowed, tasks), (Installed(granted=(tasks,)), storage), (Installed(), storage)):
        with pytest.raises(PermissionNotGrantedError) as refusal:
            stands(found, permission)
        assert refusal.value.members == {"permission_type": permission.value}
    for gone in (None, Installed(is_active=False, granted=(storage,))):
        with pytest.raises(InstallationNotActiveError) as ended:
            stands(gone)
        assert ended.value.headers == {"WWW-Authenticate": 'Bearer realm="cathouse", error="invalid_token"'}
