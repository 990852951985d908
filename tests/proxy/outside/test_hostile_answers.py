"""Whatever an endpoint answers: one answer or one error, in time, and no socket stays."""

import time

import pytest

from proxy_service.egress.answers import AnswerRules
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.errors import CatFailedError, MalformedAnswerError
from tests.proxy.hostile import AT_ONCE_S, BODY, FINE, OK, ask, asking, failure, hostile, none_left, says
from tests.proxy.outside.answers import ACCEPTED, REFUSED

pytestmark = pytest.mark.usefixtures("kept_long")


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_answer_is_refused_at_once(client: OutsideClient, case: str) -> None:
    answer, cause = REFUSED[case]
    started = time.monotonic()
    error = await failure(client, says(answer))
    assert time.monotonic() - started < AT_ONCE_S
    assert isinstance(error, MalformedAnswerError)
    assert (error.status, error.code, error.cause) == (502, "malformed_answer", cause)
    assert error.headers == {"Proxy-Status": "cathouse-proxy; error=http_protocol_error"}


@pytest.mark.parametrize("case", ACCEPTED)
async def test_what_is_unusual_and_right_is_accepted(client: OutsideClient, case: str) -> None:
    sent, status, body = ACCEPTED[case]
    async with hostile(says(sent)) as server:
        answer, received = await ask(client, asking(server.url))
    assert (answer.status, received) == (status, body)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 401, 407, 500, 502, 503, 599])
async def test_statuses_that_are_a_failure_are_told_without_waiting_for_a_body(
    client: OutsideClient, status: int
) -> None:
    location = b"Location: http://127.0.0.1:1/\r\nContent-Length: 9\r\n\r\n"
    error = await failure(client, says(b"HTTP/1.1 %d X\r\n" % status + location))
    assert isinstance(error, CatFailedError)
    assert (error.status, error.code, error.received_status) == (502, "cat_failed", status)


async def test_of_an_answer_only_the_headers_that_are_wanted_come_back(client: OutsideClient) -> None:
    sent = OK + b"Content-Type: a/b\r\nSet-Cookie: a=b\r\nX-A: 1\r\nX-A: 2\r\nServer: cat\r\n" + BODY
    async with hostile(says(sent)) as server:
        assert (await ask(client, asking(server.url)))[0].headers == {"content-type": "a/b"}
        rules = AnswerRules(returns=lambda name: name.startswith("x-"), is_failure=lambda _status: False)
        async with client.call(asking(server.url), timeout_s=1, rules=rules) as answer:
            assert answer.headers == {"x-a": "1, 2"}


async def test_what_a_header_cannot_carry_is_never_sent(client: OutsideClient) -> None:
    async with hostile(says(FINE)) as server:
        for value in ("a\r\nX-B: b", "a\nb", "a\0b", "ä"):
            wanted = asking(server.url)
            wanted.headers["X-A"] = value  # type: ignore[index]  # a mapping for readers, a dict here
            with pytest.raises(ValueError, match="cannot be sent"):
                await ask(client, wanted)
        await none_left(server.port)
    assert not server.requests
