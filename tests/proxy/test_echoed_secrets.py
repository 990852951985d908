"""A secret that a host sends back is taken out of its answer, however it was written there."""

import base64
import html
import json
import re
import time
from urllib.parse import quote, quote_plus

import pytest

from proxy_service.external.echoes import REMOVED, Echoes

TOKEN = "sk-live_4f/9+Z~q&w='\"x\\y"
SPACED = "Bearer quill feather-42/x"
HEXED = {ord(each): f"@u{ord(each):04X}" for each in "<>&'\"+`"}
BASIC = "Basic dXNlcjpxdWlsbGZlYXRoZXI="


IN_BASE64 = ">>>???a"
"""In base64 it has all that a URL escapes: Pj4+Pz8/YQ=="""


def in_lower_case(escaped: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), escaped)


def disguises(value: str) -> dict[str, str]:
    """The value as programs write it."""
    raw = value.encode()
    whole = "".join(f"%{each:02x}" for each in raw)
    return {
        "plain": value,
        "JSON": json.dumps(value)[1:-1],
        "JSON with escaped slashes": json.dumps(value)[1:-1].replace("/", "\\/"),
        "JSON of Go": json.dumps(value)[1:-1].replace("&", "\\u0026"),
        "JSON of .NET": json.dumps(value.translate(HEXED))[1:-1].replace("@u", "\\u"),
        "a path": quote(value),
        "a query": quote(value, safe=""),
        "a query in lower case": in_lower_case(quote(value, safe="")),
        "a form": quote_plus(value),
        "percent-encoded as a whole": whole,
        "percent-encoded as a whole in upper case": whole.upper(),
        "HTML": html.escape(value),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "base64": base64.b64encode(raw).decode(),
        "base64 without padding": base64.b64encode(raw).decode().rstrip("="),
        "base64 for URLs": base64.urlsafe_b64encode(raw).decode(),
        "base64 for URLs without padding": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "base64 in a query": quote(base64.b64encode(raw).decode(), safe=""),
        "base64 in a query in lower case": in_lower_case(quote(base64.b64encode(raw).decode(), safe="")),
    }


@pytest.mark.parametrize("disguise", disguises(TOKEN))
@pytest.mark.parametrize("value", [TOKEN, SPACED, BASIC, IN_BASE64, "ab12"])
def test_a_secret_is_found_in_every_usual_disguise(value: str, disguise: str) -> None:
    written = disguises(value)[disguise]
    found, was_there = Echoes(value).remove(f'{{"you sent": "<{written}>"}}'.encode())
    assert (found.decode(), was_there) == (f'{{"you sent": "<{REMOVED}>"}}', True)


PUNCTUATED = "a!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~b"
WRITTEN = {
    "quote": r"a%21%22%23%24%25%26%27%28%29%2A%2B%2C-./%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D~b",
    "rawurlencode": r"a%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D~b",
    "urlencode": r"a%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D%7Eb",
    "URLEncoder": r"a%21%22%23%24%25%26%27%28%29*%2B%2C-.%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D%7Eb",
    "encodeURIComponent": r"a!%22%23%24%25%26'()*%2B%2C-.%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D~b",
    "encodeURI": r"a!%22#$%25&'()*+,-./:;%3C=%3E?@%5B%5C%5D%5E_%60%7B%7C%7D~b",
    "PathEscape": r"a%21%22%23$%25&%27%28%29%2A+%2C-.%2F:%3B%3C=%3E%3F@%5B%5C%5D%5E_%60%7B%7C%7D~b",
    "HTML of Python": r"""a!&quot;#$%&amp;&#x27;()*+,-./:;&lt;=&gt;?@[\]^_`{|}~b""",
    "HTML of Go": r"""a!&#34;#$%&amp;&#39;()*+,-./:;&lt;=&gt;?@[\]^_`{|}~b""",
    "HTML of .NET": r"""a!&quot;#$%&amp;&#39;()*+,-./:;&lt;=&gt;?@[\]^_`{|}~b""",
    "HTML of PHP": r"""a!&quot;#$%&amp;&#039;()*+,-./:;&lt;=&gt;?@[\]^_`{|}~b""",
    "XML": r"""a!&quot;#$%&amp;&apos;()*+,-./:;&lt;=&gt;?@[\]^_`{|}~b""",
    "JSON of Go": r"""a!\"#$%\u0026'()*+,-./:;\u003c=\u003e?@[\\]^_`{|}~b""",
    "JSON of Gson": r"""a!\"#$%\u0026\u0027()*+,-./:;\u003c\u003d\u003e?@[\\]^_`{|}~b""",
    "JSON_HEX of PHP": r"""a!\u0022#$%\u0026\u0027()*+,-.\/:;\u003C=\u003E?@[\\]^_`{|}~b""",
    "JSON of .NET": r"""a!\u0022#$%\u0026\u0027()*\u002B,-./:;\u003C=\u003E?@[\\]^_\u0060{|}~b""",
}
"""A value of all that is neither letter nor digit, as each of them writes it."""


@pytest.mark.parametrize("program", WRITTEN)
def test_a_secret_is_found_as_each_program_escapes_it(program: str) -> None:
    found, was_there = Echoes(PUNCTUATED).remove(f"<{WRITTEN[program]}>".encode())
    assert (found.decode(), was_there) == (f"<{REMOVED}>", True)


@pytest.mark.parametrize("scheme", ["Bearer", "z", "Zz9_-zZ", "AZ", "token "])
def test_the_shortest_credential_behind_a_scheme_has_eight_characters(scheme: str) -> None:
    assert Echoes(f"{scheme} quill-42").remove(b"<quill-42>") == (f"<{REMOVED}>".encode(), True)
    assert Echoes(f"{scheme} quill-4").remove(b"<quill-4>") == (b"<quill-4>", False)


def test_what_is_no_scheme_leaves_the_value_whole() -> None:
    for value in ("quill/feather-42", "4th quillfeather-42", "quill; feather-42"):
        part = re.split("[/; ]+", value, maxsplit=1)[1].encode()
        assert Echoes(value).remove(part) == (part, False)
        assert Echoes(value).remove(b"/" + part) == (b"/" + part, False)


def test_the_shortest_value_that_is_found_within_longer_base64_has_eight_characters() -> None:
    for value, is_found in (("quill-42", True), ("quill-4", False)):
        assert Echoes(value).remove(base64.b64encode(f"user:{value}, x".encode()))[1] is is_found


@pytest.mark.parametrize(("value", "credential"), [(SPACED, SPACED[7:]), (BASIC, BASIC[6:])])
def test_what_stands_behind_a_scheme_is_found_by_itself(value: str, credential: str) -> None:
    for written in disguises(credential).values():
        found, was_there = Echoes(value).remove(f"<{written}>".encode())
        assert (found.decode(), was_there) == (f"<{REMOVED}>", True), written


@pytest.mark.parametrize("before", ["", "x", "user:", "Authorization: "])
@pytest.mark.parametrize("behind", ["", "\n", "\r\n", ", and more"])
def test_a_secret_within_longer_base64_is_found(before: str, behind: str) -> None:
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        encoded = encode(f"{before}{TOKEN}{behind}".encode())
        found, was_there = Echoes(TOKEN).remove(encoded)
        assert was_there
        # What is left of it: at most the two characters that it shares with its neighbours.
        assert len(found.replace(REMOVED.encode(), b"")) <= len(encode(f"{before}{behind}".encode())) + 4


def test_each_of_several_is_removed_and_nothing_else_is_touched() -> None:
    value = "quillfeather-42"
    binary = bytes(range(256))
    sent = binary + value.encode() + b"\xff" + value.encode().hex().encode() + binary
    found, was_there = Echoes(value).remove(sent)
    assert was_there
    assert found == binary + REMOVED.encode() + b"\xff" + REMOVED.encode() + binary
    for harmless in (binary, b"", b"quillfeather", b"Quillfeather-42", value[::-1].encode()):
        assert Echoes(value).remove(harmless) == (harmless, False)


@pytest.mark.parametrize("value", ["a", "abc", "Bearer a"])
def test_what_is_too_short_to_guard_anything_is_not_looked_for_everywhere(value: str) -> None:
    text = b'{"a": "abc", "bearer": "abacus"}'
    assert Echoes(value).remove(text) == (text, False)


def test_a_header_may_be_named_after_a_secret() -> None:
    echoes = Echoes("Bearer QuillFeather42")
    assert echoes.is_in_name("x-you-sent-quillfeather42")
    assert not echoes.is_in_name("x-request-id")


def test_nothing_that_looks_for_a_secret_shows_it() -> None:
    assert "quillfeather" not in repr(Echoes("Bearer quillfeather"))


@pytest.mark.parametrize(
    "value", [TOKEN, SPACED, "-" * 4096, "-" * 100, "a " * 50 + "b", "%" * 4096, " ".join("a" * 2000), "\\" * 500]
)
@pytest.mark.parametrize(
    "text",
    [b"a", b"-" * 4095 + b"x", b"-" * 99 + b"x", b"%2", b"\\", b"sk-live_", b'{"key": "value", "other": [1, 2]}, '],
)
def test_a_large_answer_is_searched_in_no_time_whatever_the_secret_is(value: str, text: bytes) -> None:
    large = text * (5 * 1024 * 1024 // len(text))
    echoes = Echoes(value)
    started = time.process_time()
    echoes.remove(large)
    assert time.process_time() - started < 2
