"""Types for queries whose columns are named where they are selected and shaped by a schema later."""

from typing import Any

from sqlalchemy import Row, Select

AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns are read by name."""

AnySelect = Select[*tuple[Any, ...]]
"""A SELECT that gives such rows."""
