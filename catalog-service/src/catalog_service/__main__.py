"""``python -m catalog_service``: configuration from the environment, one process."""

import cathouse.lean  # noqa: F401 - first of all: it keeps out what the others would load
from catalog_service.main import create_app
from catalog_service.settings import CatalogSettings
from cathouse.web import serve

if __name__ == "__main__":
    serve("catalog", CatalogSettings, create_app)
