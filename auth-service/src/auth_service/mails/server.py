"""``MAIL_URL``: which SMTP server takes our mails, and how it is reached."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Tls = Literal["implicit", "starttls", "none"]

_PORTS = {"smtp": 587, "smtps": 465}
_EXPECTED = "expected smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465"
_UNREADABLE = (
    f"it cannot be read: {_EXPECTED}; special characters in the user and the password are percent-encoded (@ is %40,"
    " / is %2F)"
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """``MAIL_URL``, read. ``repr`` shows no password."""

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        return f"{self.host}:{self.port} (tls {self.tls})"

    @classmethod
    def parse(cls, text: str) -> "SmtpServer":
        """Read ``smtp[s]://user:password@host:port?tls=…&ca=FILE``.

        ``smtps`` is TLS from the first byte; ``smtp`` wants STARTTLS, except from a server on this machine.
        ``tls=none`` asks for none, ``ca`` is a file with the authorities to trust in place of the system's.

        Raises:
            ValueError: saying what is expected; of the value at most ``ca``'s file.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
            username = _decoded(parts.username)
            password = _decoded(parts.password)
            options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        except ValueError:
            raise ValueError(_UNREADABLE) from None
        if any("@" in part for part in (parts.path, parts.query, parts.fragment)):
            # What stands before the @ is a password that was cut: none of it may be taken for a host or an option.
            raise ValueError(_UNREADABLE)
        if parts.scheme not in _PORTS or not _is_host(parts.hostname) or parts.path not in ("", "/") or parts.fragment:
            raise ValueError(_EXPECTED)
        if port == 0:
            raise ValueError("port 0 is none: 587 for smtp and 465 for smtps are the usual ones")
        if bool(username) != bool(password) or "" in (username, password):
            raise ValueError("a user needs a password, and a password a user: smtp://USER:PASSWORD@HOST")
        if options.keys() - {"tls", "ca"}:
            raise ValueError("an unknown option: there are tls=starttls, tls=none and ca=FILE")
        server = cls(
            parts.hostname or "",
            port or _PORTS[parts.scheme],
            _tls(parts.scheme, parts.hostname or "", options),
            username,
            password,
            options.get("ca"),
        )
        if server.ca_file is not None:
            server.tls_context()
        return server

    def tls_context(self) -> ssl.SSLContext | None:
        """Whom to believe: the server proves its name, to the system's authorities or to those of ``ca``.

        Raises:
            ValueError: ``ca`` is no file of certificates.
        """
        if self.tls == "none":
            if self.ca_file is not None:
                raise ValueError("ca=FILE says whom to trust in TLS, and there is none with tls=none")
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError:
            raise ValueError(f"ca={self.ca_file}: there is no certificate (PEM) in it") from None
        except OSError as error:
            raise ValueError(f"ca={self.ca_file}: {(error.strerror or 'it cannot be read').lower()}") from None


def _decoded(part: str | None) -> str | None:
    if part is None:
        return None
    text = unquote(part, errors="strict")
    if not text.isprintable():
        raise ValueError("a control character")
    return text


def _tls(scheme: str, host: str, options: Mapping[str, str]) -> Tls:
    asked = options.get("tls")
    if scheme == "smtps":
        if asked is not None:
            raise ValueError("smtps is TLS from the first byte: tls=… is for smtp")
        return "implicit"
    if asked == "none" or (asked is None and _is_local(host)):
        return "none"
    if asked in (None, "starttls"):
        return "starttls"
    raise ValueError("tls: expected starttls or none")


def _is_host(host: str | None) -> bool:
    return bool(host) and all(character.isalnum() or character in "-._:" for character in host or "")


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
