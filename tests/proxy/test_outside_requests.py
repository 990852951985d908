"""What is sent to a host and what of its answer is taken, by themselves: no network."""

import asyncio
import uuid
from typing import Any, cast

import pytest

from cathouse.web import OutsideUrlRules
from proxy_service.egress.answers import FROM_CATS, Answer, AnswerRules, accept
from proxy_service.egress.errors import AnswerTimeoutError, AnswerTooLargeError, CatFailedError, MalformedAnswerError
from proxy_service.egress.exchange import Exchange, Head
from proxy_service.egress.requests import Destination, OutsideRequest, destination_of, serialize

CAT = uuid.uuid4()
PUBLIC, DEVELOPMENT = OutsideUrlRules(), OutsideUrlRules(allow_private=True)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Cat.example.com", ("cat.example.com", 443, True, "cat.example.com", "/")),
        ("https://cat.example.com:443/a?b", ("cat.example.com", 443, True, "cat.example.com", "/a?b")),
        ("https://cat.example.com.?b=c", ("cat.example.com", 443, True, "cat.example.com", "/?b=c")),
        ("https://kätzchen.example/ä?", ("xn--ktzchen-5wa.example", 443, True, "xn--ktzchen-5wa.example", "/%C3%A4")),
        ("http://localhost/", ("localhost", 80, False, "localhost", "/")),
        ("http://localhost:443/", ("localhost", 443, False, "localhost:443", "/")),
        ("https://localhost:80/", ("localhost", 80, True, "localhost:80", "/")),
        ("http://[::1]:8010/", ("::1", 8010, False, "[::1]:8010", "/")),
        ("http://[::1]/", ("::1", 80, False, "[::1]", "/")),
    ],
)
def test_where_a_url_leads(url: str, expected: tuple[Any, ...]) -> None:
    assert destination_of(DEVELOPMENT, url) == Destination(*expected)


def test_what_has_a_meaning_in_a_url_is_asked_for_as_it_stands_and_the_rest_escaped() -> None:
    as_they_are = "/%2F:@!$&'()*+,;=~-._"
    for target, expected in (
        (f"{as_they_are}?{as_they_are}?", f"{as_they_are}?{as_they_are}?"),
        ('/"<>^`{|}?"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D?%22%3C%3E%5E%60%7B%7C%7D"),
    ):
        assert destination_of(PUBLIC, f"https://cat.example.com{target}").target == expected


def test_a_url_that_is_not_acceptable_leads_nowhere() -> None:
    with pytest.raises(ValueError, match="expected https"):
        destination_of(PUBLIC, "http://localhost/")


def asking(method: str, body: bytes, **headers: str) -> bytes:
    request = OutsideRequest(CAT, "https://cat.example.com/a", headers, body, method)
    return serialize(request, destination_of(PUBLIC, request.url))


START = b" /a HTTP/1.1\r\nHost: cat.example.com\r\nAccept-Encoding: identity\r\nCDN-Loop: cathouse\r\n"


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("POST", b"{}", b"Content-Length: 2\r\n"),
        ("POST", b"", b"Content-Length: 0\r\n"),
        ("DELETE", b"", b"Content-Length: 0\r\n"),
        ("GET", b"", b""),
        ("HEAD", b"", b""),
        ("GET", b"a body", b"Content-Length: 6\r\n"),
    ],
)
def test_a_request_says_how_long_its_body_is(method: str, body: bytes, length: bytes) -> None:
    assert asking(method, body) == method.encode() + START + length + b"\r\n" + body
    assert asking(method, body, A="b") == method.encode() + START + b"A: b\r\n" + length + b"\r\n" + body


@pytest.mark.parametrize("wrong", ["a\r\nB: c", "a\nb", "a\0", "ä", "\x7f", "a\tb"])
def test_what_a_header_cannot_carry_is_in_no_request(wrong: str) -> None:
    for headers in ({"A": wrong}, {wrong: "a"}):
        with pytest.raises(ValueError, match="cannot be sent"):
            asking("GET", b"", **headers)


def test_a_request_is_a_post_without_body_unless_more_is_said_and_shows_no_secret() -> None:
    request = OutsideRequest(CAT, "https://cat.example.com/", {"Authorization": "quill"})
    assert (request.method, request.body) == ("POST", b"")
    shown = repr(OutsideRequest(CAT, "https://cat.example.com/", {"Authorization": "quill"}, b"feather"))
    assert "quill" not in shown
    assert "feather" not in shown


def test_what_of_a_cats_answer_comes_back_and_which_is_a_failure() -> None:
    names = ["content-type", "content-language", "retry-after", "set-cookie", "location", "server", "", "x-a"]
    assert [name for name in names if FROM_CATS.returns(name)] == names[:3]
    failures = {status for status in range(200, 600) if FROM_CATS.is_failure(status)}
    assert failures == {*range(300, 400), 401, 407, *range(500, 600)}


@pytest.mark.parametrize(
    ("field", "media_type"),
    [
        (None, ""),
        ("application/json", "application/json"),
        ("Text/Event-Stream ; charset=utf-8; x=;", "text/event-stream"),
        (" a/b", "a/b"),
    ],
)
def test_a_media_type_is_told_without_parameters_in_lower_case(field: str | None, media_type: str) -> None:
    headers = {} if field is None else {"content-type": field}
    assert Answer(200, headers, cast("Exchange", None), lambda: None).media_type == media_type


def answered(*pieces: bytes, length: int, limit_s: float | None = None) -> tuple[Answer, Exchange]:
    """An answer of ``length`` bytes, of which ``pieces`` have come."""
    exchange = Exchange(cast("asyncio.Transport", Wire()), is_bodiless=False)
    exchange.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    for piece in pieces:
        exchange.feed(piece)
    if limit_s is not None:
        exchange.limit(asyncio.get_running_loop().time() + limit_s, AnswerTimeoutError(limit_s))
    return Answer(200, {}, exchange, lambda: None), exchange


class Wire:
    """A transport that may be asked to wait."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def test_a_body_of_5_mib_is_read_and_a_byte_more_is_too_large() -> None:
    most = 5 * 1024 * 1024
    answer, _ = answered(bytes(most), length=most)
    assert len(await answer.read()) == most
    answer, _ = answered(bytes(most), b"a", length=most + 1)
    with pytest.raises(AnswerTooLargeError, match="more than 5 MiB"):
        await answer.read()


async def test_of_a_body_that_nobody_wants_4_kib_are_read() -> None:
    for size, is_read in ((4095, True), (4096, True), (4097, False)):
        answer, exchange = answered(bytes(4095), *(b"a" for _ in range(size - 4095)), length=size)
        await answer.discard()
        assert exchange.leaves_connection_usable is is_read
    answer, exchange = answered(b"a", length=2)
    exchange.end(None)
    await answer.discard()
    answer, _ = answered(b"a", length=2, limit_s=0.01)
    await answer.discard()


@pytest.mark.parametrize(("idle_s", "total_s"), [(0.05, 60), (60, 0.05)])
async def test_a_stream_that_is_given_up_says_after_how_long(idle_s: float, total_s: float) -> None:
    answer, _ = answered(b"a", length=2, limit_s=0.01)  # which is no limit of a stream
    stream = answer.stream(idle_s=idle_s, total_s=total_s)
    assert await anext(stream) == b"a"
    with pytest.raises(AnswerTimeoutError, match=r"within 0\.05 seconds"):
        await anext(stream)


async def test_a_listener_may_take_longer_than_a_stream_may_be_idle() -> None:
    answer, exchange = answered(b"a", length=2)
    stream = answer.stream(idle_s=0.05, total_s=60)
    assert await anext(stream) == b"a"
    await asyncio.sleep(0.1)
    exchange.feed(b"b")
    assert [chunk async for chunk in stream] == [b"b"]


def test_an_answer_is_accepted_as_its_rules_say() -> None:
    rules = AnswerRules(returns=lambda name: name == "x-a", is_failure=lambda status: status == 404)
    exchange, left = cast("Exchange", None), list[bool]()
    answer = accept(Head(200, {"x-a": "b", "x-b": "ä"}), rules, exchange, lambda: left.append(True))
    answer.close()
    assert (answer.status, answer.headers, left) == (200, {"x-a": "b"}, [True])
    accept(Head(200, {"content-encoding": "Identity"}), rules, exchange, lambda: None)
    for head in (Head(200, {"x-a": "ä"}), Head(200, {"x-a": "a\tb"}), Head(200, {"content-encoding": "gzip"})):
        with pytest.raises(MalformedAnswerError):
            accept(head, rules, exchange, lambda: None)
    with pytest.raises(CatFailedError) as raised:
        accept(Head(404, {}), rules, exchange, lambda: None)
    assert raised.value.received_status == 404
