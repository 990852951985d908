"""The services as a cluster runs them, with the settings that their manifests give them."""

from collections.abc import Callable
from importlib import import_module

from cathouse.identity.keys import KeyUse, derive, parse_roots
from cathouse.web import SERVICES, ServiceName, ServiceSettings
from tests.deployment.manifests import Manifests

SECRETS = "/run/secrets/cathouse"
WORKLOADS = tuple(f"{service}-service" for service in SERVICES)
VARIANTS = ("base", "pooled", "components")


def service_of(workload: str) -> ServiceName:
    return next(service for service in SERVICES if workload == f"{service}-service")


def settings_class(service: ServiceName) -> type[ServiceSettings]:
    return next(
        each
        for each in vars(import_module(f"{service}_service.settings")).values()
        if isinstance(each, type) and issubclass(each, ServiceSettings) and each is not ServiceSettings
    )


SettingsOf = Callable[[Manifests, str], ServiceSettings]


def secret(name: str, manifests: Manifests) -> str:
    pooled = manifests.given("auth-service")["DATABASE_POOLER"] == "transaction"
    return {
        "DATABASE_URL": f"postgresql://user:word@ep-cool{'-pooler' if pooled else ''}.eu.neon.example/cathouse",
        "JWT_SECRET": "j" * 32,
        "METRICS_TOKEN": "m" * 32,
        "MAIL_URL": "smtp://user:word@mail.example:587",
        "EMBEDDINGS_API_KEY": "e" * 32,
        "REDIS_URL": "redis://:word@redis.example:6379/0",
    }.get(name) or derive(parse_roots("r" * 32), KeyUse(name.lower())).text()
