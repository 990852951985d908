"""A cat as most people write it: FastAPI, a session by dependency, mapped objects, a response_model, pre-ping."""

import datetime as dt
import os
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload

from benchmarks.baselines.serving import serve
from cathouse.schema import Cat, CatSearch

POOL = int(os.environ.get("POOL", "3"))

engine = create_async_engine(
    make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+asyncpg", query={}),
    pool_size=POOL,
    max_overflow=0,
    pool_pre_ping=True,
    connect_args={"server_settings": {"jit": "off"}},
)
make_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class DeveloperView(BaseModel):
    """Who made a cat."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    display_name: str


class PermissionView(BaseModel):
    """A permission that a cat asks for."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    permission_type: str
    description: str
    required: bool


class CatView(BaseModel):
    """A cat."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    slug: str
    name: str
    description: str
    version: str
    status: str
    tags: list[str]
    developer: DeveloperView
    permissions: list[PermissionView]
    icon_url: str | None
    support_url: str | None
    privacy_url: str | None
    deprecation: str | None
    installations_count: int = 0
    created_at: dt.datetime
    updated_at: dt.datetime


async def get_session() -> AsyncIterator[AsyncSession]:
    """A session for a request."""
    async with make_session() as session:
        yield session


@app.get("/api/v1/cats/{cat_id}", response_model=CatView)
async def read_cat(cat_id: uuid.UUID, session: Annotated[AsyncSession, Depends(get_session)]) -> Any:  # noqa: ANN401 - mapped objects, shaped by CatView
    """One cat."""
    query = (
        select(Cat, CatSearch.popularity)
        .outerjoin(CatSearch, CatSearch.cat_id == Cat.id)
        .where(Cat.id == cat_id, Cat.status == "published")
        .options(
            joinedload(Cat.developer),
            selectinload(Cat.permissions),
        )
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise HTTPException(404)
    cat = CatView.model_validate(found.Cat)
    cat.installations_count = found.popularity or 0
    return cat


@app.get("/ready")
async def ready() -> Response:
    """Whether it serves."""
    return Response()


if __name__ == "__main__":
    serve(app)
