"""Types and pages of queries whose columns are named where they are selected and shaped by a schema later."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import Row, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns are read by name."""

AnySelect = Select[*tuple[Any, ...]]
"""A SELECT that gives such rows."""


def newest_first(
    query: AnySelect,
    moment: InstrumentedAttribute[dt.datetime],
    key: InstrumentedAttribute[uuid.UUID],
    *,
    after: tuple[Any, ...] | None,
    limit: int,
) -> AnySelect:
    """One page of ``query``, newest first, behind the row ``after`` (moment and key): stable while rows are added."""
    if after is not None:
        query = query.where(tuple_(moment, key) < after)
    return query.order_by(moment.desc(), key.desc()).limit(limit)
