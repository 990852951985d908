"""Which URLs of third parties are acceptable, as text: the first of two guards.

catalog-service refuses what is wrong when a developer writes it down; proxy-service checks again, and then every
address that the name leads to (its ``egress`` subject), before it connects. Rules: design/security.md, "The door to
the outside".
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import idna

LONGEST_URL = 2048

_LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}
_FORBIDDEN_SUFFIXES = (".local", ".internal", ".localhost", ".onion", ".home.arpa", ".lan", ".intranet", ".corp")
_NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+")
_BRACKETED = re.compile(r"\[[0-9a-f:.]+\](:[0-9]*)?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_AN_ADDRESS = "the host is an IP address; a name is expected, whatever way the address is written"


@dataclass(frozen=True, slots=True)
class OutsideUrlRules:
    """The rules of one deployment.

    ``allow_private`` (development only) also lets plain http on this machine pass, on any port but ``own_ports``.
    ``own_hosts`` are the names under which Cat House itself is reached: nobody outside has them.
    """

    allow_private: bool = False
    own_ports: frozenset[int] = frozenset()
    own_hosts: frozenset[str] = frozenset()

    def check(self, url: str) -> SplitResult:
        """Take an acceptable URL apart.

        Raises:
            ValueError: with the reason, for the developer who wrote it.
        """
        if len(url) > LONGEST_URL:
            raise ValueError(f"the URL is longer than {LONGEST_URL} characters")
        if not url.isprintable() or " " in url:  # what is not seen is not printable either, nor is half a character
            raise ValueError("the URL contains a space or a control character")
        if "\\" in url:
            raise ValueError("the URL contains a backslash, which programs read differently")
        parts, host, port = _split(url)
        if parts.scheme not in ("https", "http") or not host:
            raise ValueError("expected a URL that begins with https:// and names a host")
        if "@" in parts.netloc:
            raise ValueError("the URL carries a user name or password; sign-in data does not belong there")
        if parts.fragment or url.endswith("#"):
            raise ValueError("the URL carries a fragment (#…), which is never sent to a server")
        if host in _LOOPBACK_HOSTS and self.allow_private:
            if (port or (443 if parts.scheme == "https" else 80)) in self.own_ports:
                raise ValueError("this port belongs to Cat House itself")
            return parts
        self._check_public(parts, host, port)
        return parts

    def _check_public(self, parts: SplitResult, host: str, port: int | None) -> None:
        if parts.scheme != "https":
            hint = "; http is accepted on 127.0.0.1, [::1] and localhost only" if self.allow_private else ""
            raise ValueError(f"expected https{hint}")
        if port not in (None, 443):
            raise ValueError("expected port 443")
        if check_host(host) in self.own_hosts:
            raise ValueError("this host is Cat House itself")


def check_host(host: str) -> str:
    """Return the ASCII form of a public host's name.

    Raises:
        ValueError: with the reason, when it is an address, a name of a local network, or not a name at all.
    """
    if "%" in host:
        raise ValueError("the host carries a zone id or an escape")
    if ":" in host:
        raise ValueError(_AN_ADDRESS)
    try:
        name = host.lower() if host.isascii() else idna.encode(host, uts46=False).decode()
    except idna.IDNAError:
        raise ValueError(
            "the host's name has characters that are not valid in an internationalised domain name"
        ) from None
    name = name.removesuffix(".")
    labels = name.split(".")
    # inet_aton also reads 2130706433, 127.1 and 0x7f.1: what ends in a number is an address in some spelling, or none.
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        raise ValueError(_AN_ADDRESS)
    if len(labels) < 2:
        raise ValueError("the host has a single label; a full public name is expected, like cats.example.com")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("the host is not a valid name")
    if any(label.startswith("xn--") for label in labels):
        try:
            idna.decode(name)
        except idna.IDNAError:
            raise ValueError("the host's name is not a valid internationalised domain name") from None
    if f".{name}".endswith(_FORBIDDEN_SUFFIXES):
        raise ValueError("the host's name belongs to a local network")
    return name


def _split(url: str) -> tuple[SplitResult, str | None, int | None]:
    """The URL's parts, its host and its port."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the URL cannot be read; expected https://HOST/PATH") from None
    if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc):
        raise ValueError("the URL cannot be read; brackets are for IPv6 addresses")
    return parts, host, port
