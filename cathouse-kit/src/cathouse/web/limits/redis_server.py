"""``REDIS_URL``: the server that the replicas of a service share."""

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool

TIMEOUT_S = 0.25
"""For a connection, and for each command: what takes longer is no help to a request that waits for it."""

MOST_CONNECTIONS = 16
"""Of one process. A command holds one for less than a millisecond, so further ones would only wait in Redis."""

_SCHEMES = {"redis": False, "rediss": True}
_PORT = 6379
_EXPECTED = (
    "expected redis://USER:PASSWORD@HOST:6379/0, or rediss://… for TLS; user, password, port and number may be left out"
)
_UNREADABLE = (
    f"it cannot be read: {_EXPECTED}; special characters in the user and the password are percent-encoded (@ is %40,"
    " / is %2F)"
)


@dataclass(frozen=True, slots=True)
class RedisServer:
    """``REDIS_URL``, read. ``repr`` shows neither user nor password."""

    host: str
    port: int
    database: int
    tls: bool
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}/{self.database}{' (tls)' if self.tls else ''}"

    @classmethod
    def parse(cls, text: str) -> "RedisServer":
        """Read ``redis[s]://user:password@host:port/number?ca=FILE``.

        ``rediss`` is TLS, in which the server proves its name: to the system's authorities, or to those of ``ca``.

        Raises:
            ValueError: saying what is expected; of the value at most ``ca``'s file.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
            username = unquote(parts.username, errors="strict") if parts.username else None
            password = unquote(parts.password, errors="strict") if parts.password else None
            options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        except ValueError:
            raise ValueError(_UNREADABLE) from None
        if any("@" in part for part in (parts.path, parts.query, parts.fragment)):
            # What stands before the @ is a password that was cut: none of it may be taken for a host or an option.
            raise ValueError(_UNREADABLE)
        number = parts.path.removeprefix("/")
        is_number = number.isascii() and number.isdigit() and len(number) <= 4
        if parts.scheme not in _SCHEMES or not parts.hostname or port == 0 or (number and not is_number):
            raise ValueError(_EXPECTED)
        if parts.fragment or any(sign.isspace() for sign in parts.netloc):
            raise ValueError(_EXPECTED)
        if username and not password:
            raise ValueError(
                "a user needs a password: redis://USER:PASSWORD@HOST; a password alone is redis://:PASSWORD@HOST"
            )
        if options.keys() - {"ca"} or (options and not _SCHEMES[parts.scheme]):
            raise ValueError("an unknown option: there is ca=FILE, with rediss://")
        ca_file = options.get("ca")
        _check_ca(ca_file)
        return cls(parts.hostname, port or _PORT, int(number or 0), _SCHEMES[parts.scheme], username, password, ca_file)

    def connections(self) -> "BlockingConnectionPool":
        """A pool of connections; none is opened before it is used.

        Nothing is tried twice: whoever waits has a count of its own to go on with.
        """
        # Only here: who has no Redis shall not load its library.
        from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection  # noqa: PLC0415
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        tls: dict[str, Any] = {"ssl_ca_certs": self.ca_file} if self.tls else {}
        return BlockingConnectionPool(
            max_connections=MOST_CONNECTIONS,
            timeout=TIMEOUT_S,
            connection_class=SSLConnection if self.tls else Connection,
            host=self.host,
            port=self.port,
            db=self.database,
            username=self.username,
            password=self.password,
            socket_connect_timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            **tls,
        )


def _check_ca(ca_file: str | None) -> None:
    if ca_file is None:
        return
    try:
        ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise ValueError(f"ca={ca_file}: there is no certificate (PEM) in it") from None
    except OSError as error:
        raise ValueError(f"ca={ca_file}: {(error.strerror or 'it cannot be read').lower()}") from None
