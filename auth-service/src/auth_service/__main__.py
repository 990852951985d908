"""``python -m auth_service``: configuration from the environment, one process."""

import cathouse.lean  # noqa: F401 - first of all: it keeps out what the others would load
from auth_service.main import create_app
from auth_service.settings import AuthSettings
from cathouse.web import serve

if __name__ == "__main__":
    serve("auth", AuthSettings, create_app)
