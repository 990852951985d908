"""``python -m installation_service``: configuration from the environment, one process."""

import cathouse.lean  # noqa: F401 - first of all: it keeps out what the others would load
from cathouse.web import serve
from installation_service.main import create_app
from installation_service.settings import InstallationSettings

if __name__ == "__main__":
    serve("installation", InstallationSettings, create_app)
