"""A cat by the shortest way: Starlette's route, asyncpg's pool, one query, JSON."""

import datetime as dt
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.baselines.serving import serve

QUERY = """
    SELECT cats.id, cats.slug, cats.name, cats.description, cats.version, cats.status, cats.tags,
        json_build_object('id', users.id, 'display_name', users.display_name) AS developer,
        (
            SELECT coalesce(json_agg(json_build_object('id', permissions.id,
                'permission_type', permissions.permission_type, 'description', release_permissions.description,
                'required', release_permissions.required) ORDER BY permissions.permission_type), '[]')
            FROM cathouse.releases, cathouse.release_permissions
            JOIN cathouse.permissions ON permissions.id = release_permissions.permission_id
            WHERE releases.cat_id = cats.id AND releases.version = cats.version
                AND release_permissions.release_id = releases.id
        ) AS permissions,
        cats.icon_url, cats.support_url, cats.privacy_url, cats.deprecation,
        coalesce((SELECT popularity FROM cathouse.cat_search WHERE cat_id = cats.id), 0) AS installations_count,
        cats.created_at, cats.updated_at
    FROM cathouse.cats JOIN cathouse.users ON users.id = cats.developer_id
    WHERE cats.id = $1 AND cats.status = 'published'"""

POOL = int(os.environ.get("POOL", "3"))


class _State:
    pool: Any  # asyncpg's pool is generic to type checkers only


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[None]:
    _State.pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL, server_settings={"jit": "off"}
    )
    yield
    await _State.pool.close()


async def _read_cat(request: Request) -> Response:
    row = await _State.pool.fetchrow(QUERY, uuid.UUID(request.path_params["cat_id"]))
    if row is None:
        return Response(status_code=404)
    cat = dict(row)
    cat["id"] = str(cat["id"])
    for name in ("developer", "permissions"):
        cat[name] = json.loads(cat[name])
    for name in ("created_at", "updated_at"):
        cat[name] = cat[name].astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return JSONResponse(cat)


async def _ready(_request: Request) -> Response:
    return Response()


app = Starlette(
    routes=[Route("/api/v1/cats/{cat_id}", _read_cat), Route("/ready", _ready)],
    lifespan=_lifespan,
)

if __name__ == "__main__":
    serve(app)
