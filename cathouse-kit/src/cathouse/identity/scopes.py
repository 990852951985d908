"""What an API key may be allowed to do (design/api.md, "Objects")."""

import enum


class Scope(enum.StrEnum):
    """One right of an API key; a log-in needs none."""

    CATALOG_READ = "catalog:read"
    CATALOG_WRITE = "catalog:write"
    DEVELOPER_READ = "developer:read"
