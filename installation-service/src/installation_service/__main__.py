"""``python -m installation_service``: configuration from the environment, one process."""

from cathouse.web import serve
from installation_service.main import create_app
from installation_service.settings import InstallationSettings

if __name__ == "__main__":
    serve("installation", InstallationSettings, create_app)
