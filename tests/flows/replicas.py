"""Two processes of each service behind nginx, and a developer's cat."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.routing import Route

from cathouse.cat import Cat, Event, House, InstallationMessage, UnavailableError
from cathouse.database import DatabaseUrl
from cathouse.database.engine import make_migration_engine
from cathouse.local.processes import Child, plain_environment, start, stop, wait_until_ready
from cathouse.web import SERVICES, ServiceName
from tests.factories.accounts import registration
from tests.factories.cats import NOTIFICATION, STORAGE, cat_creation
from tests.fixtures.house import JWT_SECRET, PLATFORM_SECRET
from tests.fixtures.nginx import Nginx, nginx_in_front, reserve
from tests.fixtures.ports import free_port
from tests.fixtures.server import role_url
from tests.fixtures.serving import serve
from tests.flows.good_client import PATIENCE_S, Client, log_in_body


class Replica:
    """One process of a service."""

    def __init__(self, service: ServiceName, number: int, environment: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        self.name = f"{service}-{number}"
        self.log = folder / self.name
        self._service = service
        self._environment = {**environment, f"{service.upper()}_PORT": str(self.port)}
        self._child: Child | None = None
        self._said: list[str] = []

    @property
    def said(self) -> str:
        """Everything that it wrote, also before it was started again."""
        return "".join([*self._said, self.log.read_text()])

    def start(self) -> Child:
        """Start it, for the first time or again."""
        if self.log.exists():
            self._said.append(self.log.read_text())
        self._child = start(
            self.name,
            ("-m", f"{self._service}_service"),
            self._environment,
            ready_url=f"http://127.0.0.1:{self.port}/health/ready",
            log=self.log,
        )
        return self._child

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        assert self._child is not None
        self._child.process.kill()
        self._child.process.wait()

    def end(self) -> None:
        """As it should be ended."""
        if self._child is not None:
            stop([self._child])


class ACat:
    """A developer's cat: remembers each thing that it hears, tells of some, and tries again what Cat House missed."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self._by_slug: dict[str, Cat] = {}
        self.app = Starlette(routes=[Route("/{slug}", self._answer, methods=["POST"])])

    def know(self, slug: str, secret: str) -> None:
        """Answer for ``slug``."""
        cat = Cat(secret)
        cat.interaction(self._hear)
        cat.stream(self._tell)
        cat.on("installation.created", "installation.uninstalled", "installation.permissions_changed")(self._listen)
        self._by_slug[slug] = cat

    async def aclose(self) -> None:
        """Give the connections back."""
        for cat in self._by_slug.values():
            await cat.aclose()

    async def _answer(self, request: Any) -> Any:
        return self._by_slug[request.path_params["slug"]]

    async def _listen(self, message: InstallationMessage, _house: House) -> None:
        self.told.append((str(message.installation.id), message.type, message.id))

    async def _hear(self, message: InstallationMessage, house: House) -> Any:
        said = message.input
        await _again(lambda: house.storage.put(f"heard/{said['id']}", said))
        if said.get("notify"):
            await _again(lambda: house.notify("A word", said["id"], idempotency_key=said["id"]))
        return {"heard": said["id"]}

    async def _tell(self, message: InstallationMessage, _house: House) -> AsyncIterator[Event]:
        for word in ("once", "upon", "a", "time"):
            yield Event({"word": word}, event="word")
            await asyncio.sleep(0.05)
        yield Event({"heard": message.input["id"]}, event="end")


async def _again(call: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(40):
        with suppress(UnavailableError):
            await call()
            return
        await asyncio.sleep(0.1)
    raise AssertionError("Cat House stayed away from a cat")


@dataclass
class Scene:
    """Eight processes, nginx in front of them, and a cat."""

    replicas: Mapping[ServiceName, list[Replica]]
    client: Client
    cat: ACat
    published: Mapping[str, Any]
    engine: Engine


async def _publish(client: Client, cat: ACat, cat_url: str) -> Mapping[str, Any]:
    body = registration(role="developer")
    await client.call("auth", "POST", "/api/v1/auth/register", body, expect=(201,))
    token = (await client.call("auth", "POST", "/api/v1/auth/login", log_in_body(body))).json()["access_token"]
    creation = cat_creation(permissions=[STORAGE, NOTIFICATION])
    creation["endpoint_url"] = f"{cat_url}/{creation['slug']}"
    made = (await client.call("catalog", "POST", "/api/v1/cats", creation, token=token, expect=(201,))).json()
    path = f"/api/v1/cats/{made['id']}"
    secret = await client.call("catalog", "GET", f"{path}/signing-secret", token=token)
    cat.know(made["slug"], secret.json()["secret"])
    published: dict[str, Any] = (await client.call("catalog", "POST", f"{path}/publish", token=token)).json()
    return published


def _environment(service: str, database: DatabaseUrl, addresses: Nginx, folder: Path) -> dict[str, str]:
    return plain_environment() | {f"{name.upper()}_URL": url for name, url in addresses.internal.items()} | {
        "DATABASE_URL": role_url(service, database).for_libpq(),
        "PLATFORM_SECRET": PLATFORM_SECRET,
        "JWT_SECRET": JWT_SECRET,
        "MAIL_FOLDER": str(folder / "mails"),
        "ALLOW_PRIVATE_ENDPOINTS": "true",
        "TRUSTED_PROXIES": "127.0.0.1",
        "REPLICAS": "2",
        "DB_SHARES": "auth=1 catalog=1 installation=1 proxy=1",
        "LIMIT_LOGINS": "5/minute",
    }  # fmt: skip


@asynccontextmanager
async def two_of_each(database: DatabaseUrl, folder: Path, **environment: str) -> AsyncIterator[Scene]:
    addresses = reserve()
    replicas = {
        service: [
            Replica(service, number, _environment(service, database, addresses, folder) | environment, folder)
            for number in (1, 2)
        ]
        for service in SERVICES
    }
    ports = {service: [replica.port for replica in both] for service, both in replicas.items()}
    cat = ACat()
    async with AsyncExitStack() as stack:
        stack.enter_context(nginx_in_front(addresses, ports))
        for replica in (each for both in replicas.values() for each in both):
            stack.callback(replica.end)
        children = [replica.start() for both in replicas.values() for replica in both]
        await asyncio.to_thread(wait_until_ready, children)
        cat_url = await stack.enter_async_context(serve(cat.app))
        stack.push_async_callback(cat.aclose)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False))
        client = Client(http, addresses.public)
        yield Scene(replicas, client, cat, await _publish(client, cat, cat_url), make_migration_engine(database))
