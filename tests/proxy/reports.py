"""What proxy-service reports of an interaction."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select

from cathouse.schema import Interaction, InteractionKind
from proxy_service.reports import InteractionReport


async def reported(engine: Engine) -> tuple[int, str | None]:
    """The status and the proxy error of the only interaction, when its report has arrived."""
    for _ in range(200):
        with engine.connect() as connection:
            row = connection.execute(select(Interaction.status_code, Interaction.proxy_error)).one_or_none()
        if row is not None:
            return row.status_code, row.proxy_error
        await asyncio.sleep(0.02)
    raise AssertionError("no report arrived")


def report(number: int) -> InteractionReport:
    return InteractionReport(
        id=uuid.UUID(int=number),
        installation_id=uuid.uuid4(),
        cat_id=uuid.uuid4(),
        kind=InteractionKind.INTERACTION,
        status_code=200,
        proxy_error=None,
        duration_ms=1,
        bytes_in=1,
        bytes_out=1,
        at=dt.datetime.now(dt.UTC),
        action=None,
    )


async def reported_calls(engine: Engine, count: int) -> Sequence[Any]:
    """The kept external calls, oldest first, when so many reports have arrived."""
    for _ in range(200):
        with engine.connect() as connection:
            rows = connection.execute(select(Interaction).order_by(Interaction.at)).all()
        if len(rows) >= count:
            return rows
        await asyncio.sleep(0.02)
    raise AssertionError(f"{len(rows)} reports arrived")
