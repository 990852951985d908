"""Database URLs: read once, translated for each driver, never passed on blindly.

asyncpg refuses libpq's ``sslmode`` and ``channel_binding``; psycopg2 wants them. So a URL is parsed into its
parts here, and each driver gets what it understands.
"""

import dataclasses
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
Pooler = Literal["transaction", "none"]

_NOT_ENCODED = (
    "it cannot be read as a URL. Special characters in the password must be percent-encoded (@ is %40, / is %2F)"
)
_DRIVERS = ("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2")
_SSL_MODES: Final[dict[str, SslMode]] = {
    "disable": "disable",
    "allow": "prefer",
    "prefer": "prefer",
    "require": "require",
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
}
# Said by other tools or of no use to us: Prisma's and Supabase's hints, and what each driver does anyway.
_IGNORED = {"pgbouncer", "connection_limit", "pool_timeout", "application_name", "connect_timeout", "schema"}
_SUPABASE_TRANSACTIONS = 6543
# psycopg2's wheel carries an OpenSSL that does not know where this system keeps its certificates.
_SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The parts of a Postgres URL. ``repr`` never shows the password."""

    user: str
    password: str | None
    host: str
    port: int
    name: str
    ssl_mode: SslMode
    ssl_root_certificate: str | None = None
    channel_binding: str | None = None

    def __repr__(self) -> str:
        """Where it points, for logs and messages."""
        return f"{self.user}@{self.host}:{self.port}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "DatabaseUrl":
        """Read ``postgres://``, ``postgresql://`` or ``postgresql+asyncpg://`` with libpq's usual parameters.

        Raises:
            ValueError: saying what is wrong, without showing the URL.
        """
        url = _split(text)
        query = {key: value if isinstance(value, str) else value[-1] for key, value in url.query.items()}
        host = url.host or query.pop("host", "localhost")
        if not url.username or not url.database:
            raise ValueError(
                "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE; the user or the database is missing"
            )
        if "@" in host:
            raise ValueError(_NOT_ENCODED)
        ssl_mode = query.pop("sslmode", None) or query.pop("ssl", None)
        if ssl_mode is not None and ssl_mode not in _SSL_MODES:
            raise ValueError(f"sslmode={ssl_mode} is not one of {', '.join(_SSL_MODES)}")
        certificate = query.pop("sslrootcert", None)
        if certificate not in (None, "system") and not _is_file(str(certificate)):
            raise ValueError(f"sslrootcert={certificate} is not a file")
        channel_binding = query.pop("channel_binding", None)
        options = query.pop("options", "")
        # Neon's way to name the endpoint for clients without SNI; both our drivers send SNI.
        if options and not options.startswith("endpoint="):
            raise ValueError("options= is not supported in the URL, except Neon's options=endpoint%3D…")
        if unknown := sorted(set(query) - _IGNORED):
            raise ValueError(f"the parameter {unknown[0]} is not supported in the URL")
        return cls(
            user=url.username,
            password=str(url.password) if url.password is not None else None,
            host=host,
            port=url.port or 5432,
            name=url.database,
            ssl_mode=_SSL_MODES[ssl_mode] if ssl_mode else ("prefer" if _is_this_machine(host) else "verify-full"),
            ssl_root_certificate=None if certificate == "system" else certificate,
            channel_binding=channel_binding,
        )

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine: loopback or a socket file."""
        return _is_this_machine(self.host)

    @property
    def pooler(self) -> Pooler:
        """What stands between us and Postgres, as the address tells: Neon's pooler, and Supabase's on port 6543.

        On port 5432 Supabase's pooler gives each client a session of its own, as if it were not there.
        """
        is_supabase = self.host.endswith((".pooler.supabase.com", ".supabase.co"))
        pooled = "-pooler." in self.host or (is_supabase and self.port == _SUPABASE_TRANSACTIONS)
        return "transaction" if pooled else "none"

    def replace(
        self,
        *,
        user: str | None = None,
        password: str | None = None,
        host: str | None = None,
        port: int | None = None,
        name: str | None = None,
    ) -> "DatabaseUrl":
        """The same in all but what is given: as somebody else, another database, by another way."""
        return dataclasses.replace(
            self,
            user=self.user if user is None else user,
            password=self.password if password is None else password,
            host=self.host if host is None else host,
            port=self.port if port is None else port,
            name=self.name if name is None else name,
        )

    def for_asyncpg(self) -> URL:
        """For SQLAlchemy's asyncpg dialect; TLS goes by ``asyncpg_ssl``."""
        return self._url("postgresql+asyncpg")

    def asyncpg_ssl(self) -> ssl.SSLContext | Literal["prefer"] | bool:
        """What asyncpg's ``ssl`` argument should be.

        Raises:
            ValueError: when the CA file cannot be read.
        """
        if self.ssl_mode == "disable":
            return False
        if self.ssl_mode == "prefer":
            return "prefer"
        try:
            context = ssl.create_default_context(cafile=self.ssl_root_certificate)
        except ssl.SSLError as error:
            raise ValueError(f"sslrootcert={self.ssl_root_certificate} holds no certificate") from error
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            raise ValueError(f"sslrootcert={self.ssl_root_certificate}: {reason}") from error
        if self.ssl_mode == "verify-ca":
            context.check_hostname = False
        elif self.ssl_mode == "require":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def for_psycopg2(self) -> URL:
        """For SQLAlchemy's psycopg2 dialect, with libpq's own TLS parameters."""
        query: dict[str, Any] = {"sslmode": self.ssl_mode}
        if self.ssl_mode in ("verify-ca", "verify-full"):
            query["sslrootcert"] = self.ssl_root_certificate or _system_certificates()
        if self.channel_binding:
            query["channel_binding"] = self.channel_binding
        return self._url("postgresql+psycopg2", query)

    def for_libpq(self) -> str:
        """A ``postgresql://`` URL with its password: for psql, pg_dump and other services' environment."""
        query: dict[str, Any] = {} if self.is_local and self.ssl_mode == "prefer" else {"sslmode": self.ssl_mode}
        if self.ssl_root_certificate:
            query["sslrootcert"] = self.ssl_root_certificate
        if self.channel_binding:
            query["channel_binding"] = self.channel_binding
        return self._url("postgresql", query).render_as_string(hide_password=False)

    def _url(self, drivername: str, query: dict[str, Any] | None = None) -> URL:
        arguments: dict[str, Any] = dict(query or {})
        if self.host.startswith("/"):
            arguments["host"] = self.host
        return URL.create(
            drivername,
            username=self.user,
            password=self.password,
            host=None if self.host.startswith("/") else self.host,
            port=self.port,
            database=self.name,
            query=arguments,
        )


def _split(text: str) -> URL:
    scheme = text.split("://", 1)[0]
    if scheme not in _DRIVERS:
        raise ValueError(
            "expected a URL that begins with postgresql://, for example postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    try:
        return make_url(text.replace(scheme, "postgresql", 1))
    except (ArgumentError, ValueError):
        raise ValueError(_NOT_ENCODED) from None


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:  # a folder that may not be looked into, a name that is too long
        return False


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _system_certificates() -> str:
    for path in _SYSTEM_CERTIFICATES:
        if Path(path).is_file():
            return path
    return ssl.get_default_verify_paths().cafile or "system"
