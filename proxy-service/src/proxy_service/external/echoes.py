"""Secrets that a host sends back: they are taken out of its answer before the cat sees it.

This is for hosts that show what they were sent, in an error page or while debugging. A host that means to hand a secret
on to a cat can always disguise it: it has it, by the player's consent.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

REMOVED = "[secret removed]"

SHORTEST = 4
"""Characters. Anything shorter stands everywhere by chance, and guards nothing."""

SHORTEST_CREDENTIAL = 8
"""Characters. So long must be what stands behind a scheme (``Bearer …``) to be looked for by itself, and a value to be
looked for inside of longer base64."""

_WITH_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_-]* +(\S.*)")
_ESCAPE = re.compile("%..")
_MARK = REMOVED.encode()

_ASCII = [chr(code) for code in range(128)]

# What stays as it is in a URL, beside letters and digits: a path and a query of Python's, forms of PHP's and Java's,
# JavaScript's encodeURIComponent and encodeURI, a path of Go's.
_UNESCAPED_IN_URLS = ("-_.~/", "-_.~", "-_.", "-_.*", "-_.!~*'()", "-_.!~*'();,/?:@&=+$#", "-_.~$&+=:@")
_URL_TABLES = tuple(
    {ord(each): cased(f"%{ord(each):02x}") for each in _ASCII if not each.isalnum() and each not in unescaped}
    for unescaped in _UNESCAPED_IN_URLS
    for cased in (str.lower, str.upper)
)

# Of Python, Go and .NET, PHP, XML.
_APOSTROPHES_IN_HTML = ("&#x27;", "&#39;", "&#039;", "&apos;")

# What is written as \u00XX although JSON does not ask for it: by nobody, Go, Gson, PHP's JSON_HEX_*, .NET.
_ESCAPED_IN_JSON = (("", str), ("<>&", str.lower), ("<>&='", str.lower), ("<>&'\"", str.upper), ("<>&'\"+`", str.upper))
_JSON_TABLES = tuple(
    {ord(each): f"\\u00{cased(f'{ord(each):02x}')}" if each in special else json.dumps(each)[1:-1] for each in _ASCII}
    for special, cased in _ESCAPED_IN_JSON
)


class Echoes:
    """Finds one secret in any of its usual disguises.

    Each is looked for as it stands, in time that grows with the answer alone: a pattern that allows for all of them at
    once could be made to take minutes, by somebody whose secret and whose host are made for that.
    """

    def __init__(self, value: str) -> None:
        self._values = tuple(_values(value))
        needles = {needle.encode() for each in self._values for needle in (*_escaped(each), *_encoded(each.encode()))}
        # Longest first: what is left of a shorter one, its padding say, would stay.
        self._needles = tuple(sorted(needles, key=len, reverse=True))

    def remove(self, text: bytes) -> tuple[bytes, bool]:
        """``text`` without the secret, and whether it was there."""
        was_there = False
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, _MARK)
                was_there = True
        return text, was_there

    def is_in_name(self, name: str) -> bool:
        """Whether a header's name (lower case) has the secret in it."""
        return any(each.lower() in name for each in self._values)


def _values(value: str) -> Iterator[str]:
    """What is to be found: the whole, and the credential behind a scheme."""
    if len(value) >= SHORTEST:
        yield value
    credential = _WITH_SCHEME.fullmatch(value)
    if credential is not None and len(credential[1]) >= SHORTEST_CREDENTIAL:
        yield credential[1]


def _escaped(value: str) -> Iterator[str]:
    """The value as it is, and with what has a meaning in JSON, HTML or a URL escaped."""
    yield value
    in_html = html.escape(value)
    for apostrophe in _APOSTROPHES_IN_HTML:
        written = in_html.replace("&#x27;", apostrophe)
        yield from (written, written.replace("&quot;", "&#34;"))
    for table in _JSON_TABLES:
        written = value.translate(table)
        yield from (written, written.replace("/", "\\/"))
    for table in _URL_TABLES:
        written = value.translate(table)
        yield from (written, written.replace("%20", "+"))


def _encoded(value: bytes) -> Iterator[str]:
    """The value encoded as a whole: every character percent-encoded, in hex, in base64."""
    for written in ("".join(f"%{each:02x}" for each in value), value.hex()):
        yield from (written, written.upper())
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        encoded = encode(value).decode()
        escaped = quote(encoded, safe="")
        in_lower_case = _ESCAPE.sub(lambda found: found[0].lower(), escaped)
        yield from (encoded, encoded.rstrip("="), escaped, in_lower_case)
        if len(value) >= SHORTEST_CREDENTIAL:
            yield from (_within(encode(bytes(before) + value).decode(), before, len(value)) for before in range(3))


def _within(encoded: str, before: int, length: int) -> str:
    """What of base64 depends on the value alone, when ``before`` bytes (modulo 3) stand before it and others behind."""
    first = -(-before * 8 // 6)
    last = (before + length) * 8 // 6
    return encoded[first:last]
