"""Every route of every service states who may call it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount, Route

from cathouse.database import DatabaseUrl
from cathouse.identity import policy_of
from cathouse.web import SERVICES, ServiceName
from tests.fixtures.house import create_service, settings_for

DOCUMENTATION = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/docs/errors", "/docs/assets"}

PUBLIC = {
    "auth": {
        "POST /api/v1/auth/register",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/token",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/logout",
        "GET /.well-known/jwks.json",
    },
    "catalog": set(),
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
    nowhere = DatabaseUrl.parse("postgresql://nobody:nothing@127.0.0.1:1/none")
    return create_service(service, settings_for(service, nowhere, {}, database_url=nowhere.for_libpq()))


def policies(dependant: Dependant) -> Iterator[str]:
    if (policy := policy_of(dependant.call)) is not None:
        yield policy
    for each in dependant.dependencies:
        yield from policies(each)


def routes(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    for context in iter_route_contexts(app.routes):
        route: Any = context
        if isinstance(context.original_route, APIRoute):
            for method in route.methods:
                yield f"{method} {route.path}", set(policies(route.dependant))


def test_every_route_states_exactly_one_policy(app: FastAPI) -> None:
    found = dict(routes(app))
    assert len(found) >= len(OPERATIONS) + 2
    for name, stated in found.items():
        assert len(stated) == 1, f"{name} states {sorted(stated) or 'no policy'}"


def test_what_is_public_was_decided(app: FastAPI, service: ServiceName) -> None:
    public = {name for name, stated in routes(app) if stated == {"public"}}
    assert public == PUBLIC[service] | OPERATIONS


def test_nothing_else_answers(app: FastAPI) -> None:
    for context in iter_route_contexts(app.routes):
        original = context.original_route
        if not isinstance(original, APIRoute):
            assert isinstance(original, Route | Mount)
            assert original.path in DOCUMENTATION


def test_internal_routes_are_for_one_service_each(app: FastAPI) -> None:
    for name, stated in routes(app):
        assert ("/internal/" in name) == any(policy.startswith("service:") for policy in stated), name


def test_operation_ids_are_unique(app: FastAPI) -> None:
    operations = [operation["operationId"] for path in app.openapi()["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations))
