"""Every route of every service states who may call it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount, Route

from cathouse.database import DatabaseUrl
from cathouse.identity import KNOWN_WHEN_SIGNED_IN
from cathouse.web import SERVICES, ServiceName
from cathouse.web.contract.openapi import stated_policies
from tests.fixtures.house import create_service, settings_for

NOWHERE = DatabaseUrl.parse("postgresql://nobody:nothing@127.0.0.1:1/none")

DOCUMENTATION = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/docs/errors", "/docs/assets"}

PUBLIC = {
    "auth": {
        "POST /api/v1/auth/register",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/token",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/logout",
        "POST /api/v1/auth/clerk",
        "POST /api/v1/auth/api-key",
        "POST /api/v1/auth/password/forgot",
        "POST /api/v1/auth/password/reset",
        "POST /api/v1/auth/email/verify",
        "GET /.well-known/jwks.json",
    },
    "catalog": {"GET /api/v1/moderation-log", "GET /api/v1/tags"},
    "installation": set(),
    "proxy": set(),
}
"""What anybody may call, beside health and metrics. A route that is added here was thought about."""

OPERATIONS = {"GET /health", "GET /health/db", "GET /health/ready", "GET /api/v1/health", "GET /metrics"}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> ServiceName:
    return request.param  # type: ignore[no-any-return]  # pytest does not type its parameters


@pytest.fixture
def app(service: ServiceName) -> FastAPI:
    return create_service(service, settings_for(service, NOWHERE, {}, database_url=NOWHERE.for_libpq()))


def routes(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    for method, path, stated in stated_policies(app):
        yield f"{method} {path}", stated


def padlock(policy: str) -> list[dict[str, list[str]]] | None:
    """What the document says of a call with that policy; ``{}`` stands for nobody in particular."""
    if policy == "public":
        return None
    if policy == "cat":
        return [{"Cat": []}]
    if policy == "cat, by signature":
        return [{"CatSignature": []}]
    if policy.startswith("service:"):
        return [{"Service": []}]
    return [{"Person": []}, {}] if policy.startswith(KNOWN_WHEN_SIGNED_IN) else [{"Person": []}]


def test_every_route_states_exactly_one_policy(app: FastAPI) -> None:
    found = dict(routes(app))
    assert len(found) >= len(OPERATIONS) + 2
    for name, stated in found.items():
        assert len(stated) == 1, (
            f"{name} states {sorted(stated) or 'no policy'}: one alias of cathouse.identity says who may call it"
        )


def test_what_is_public_was_decided(app: FastAPI, service: ServiceName) -> None:
    public = {name for name, stated in routes(app) if stated == {"public"}}
    decided = PUBLIC[service] | OPERATIONS
    undecided, gone = public - decided, decided - public
    assert not undecided, "anybody may call it: is that so? Then it belongs into PUBLIC"
    assert not gone, "it is not public, or not there: take it out of PUBLIC"


def test_nothing_else_answers(app: FastAPI) -> None:
    for context in iter_route_contexts(app.routes):
        original = context.original_route
        if not isinstance(original, APIRoute):
            assert isinstance(original, Route | Mount)
            assert original.path in DOCUMENTATION


def test_internal_routes_are_for_one_service_each(app: FastAPI) -> None:
    for name, stated in routes(app):
        assert ("/internal/" in name) == any(policy.startswith("service:") for policy in stated), (
            f"{name}: what stands under /internal/, and nothing else, is called_by(…) our own services"
        )


def test_the_document_shows_a_padlock_on_what_needs_one_and_on_nothing_else(app: FastAPI) -> None:
    document = app.openapi()
    for method, path, stated in stated_policies(app):
        if path != "/metrics":
            (policy,) = stated
            assert document["paths"][path][method.lower()].get("security") == padlock(policy), f"{method} {path}"


def test_metrics_need_their_token_where_there_is_one(service: ServiceName) -> None:
    required: list[dict[str, list[str]]] = [{"Metrics": []}]
    for token, padlocks in ((None, [*required, {}]), ("a-token-for-metrics-of-32-letters", required)):
        settings = settings_for(service, NOWHERE, {}, database_url=NOWHERE.for_libpq(), metrics_token=token)
        document = create_service(service, settings).openapi()
        assert document["paths"]["/metrics"]["get"]["security"] == padlocks


def test_operation_ids_are_unique(app: FastAPI) -> None:
    operations = [operation["operationId"] for path in app.openapi()["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations))
