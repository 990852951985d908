"""``python -m proxy_service``: configuration from the environment, one process."""

import cathouse.lean  # noqa: F401 - first of all: it keeps out what the others would load
from cathouse.web import serve
from proxy_service.main import create_app
from proxy_service.settings import ProxySettings

if __name__ == "__main__":
    serve("proxy", ProxySettings, create_app)
