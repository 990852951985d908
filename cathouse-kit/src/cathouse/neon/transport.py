"""Requests to Neon's API: authorised, bounded in time, sent again where that is safe."""

import email.utils
import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import SecretStr

from cathouse.neon.errors import RETRIED, NeonError, NeonUnansweredError, refusal

CONNECT_TIMEOUT_S = 10.0
CONNECT_DEADLINE_S = 20.0
"""How long to try when there is no connection at all: a wrong address does not get better."""

LONGEST_PAUSE_S = 15.0
LONGEST_RETRY_AFTER_S = 60.0

_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Neon's document calls DELETE unsafe to repeat. Here it names an id, which is never given twice, so a repeated one
# can only find that the thing is gone.
_REPEATABLE = frozenset({"GET", "DELETE"})


class Transport:
    """One API key's way to Neon."""

    def __init__(
        self,
        *,
        url: str,
        key: SecretStr,
        timeout_s: float,
        deadline_s: float,
        first_pause_s: float,
    ) -> None:
        """``timeout_s`` bounds each attempt, ``deadline_s`` all attempts at one request together."""
        self._url = url.rstrip("/")
        self._key = key
        self._deadline_s = deadline_s
        self._first_pause_s = first_pause_s
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)), trust_env=False
        )

    def __repr__(self) -> str:
        """Where it leads."""
        return f"Transport({self._url})"

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        query: Mapping[str, str | int | bool | None] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send one request and return the JSON of its answer; ``doing`` completes "cannot …" in a message.

        423, 429 and 503 are repeated until the deadline, failures to connect for 20 s. When no answer came to what was
        sent, only GET and DELETE are repeated.

        Raises:
            NeonUnansweredError: when the outcome of a POST or DELETE is unknown.
            NeonError: when Neon refuses, or cannot be reached in time.
        """
        begun = time.monotonic()
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        unanswered = False
        for pause in pauses(self._first_pause_s):
            wanted: float | None = None
            deadline = begun + self._deadline_s
            try:
                answer = self._http.request(
                    method,
                    self._url + path,
                    params=parameters,
                    json=body,
                    headers={"Authorization": f"Bearer {self._key.get_secret_value()}"},
                )
            except httpx.RequestError as error:
                sent = not isinstance(error, _NOTHING_SENT)
                fault = self._unreachable(method, doing, error, sent=sent)
                if sent and method not in _REPEATABLE:
                    raise fault from None
                unanswered |= sent
                deadline = deadline if sent else min(deadline, begun + CONNECT_DEADLINE_S)
            else:
                if answer.is_success:
                    return self._read(answer, doing)
                if unanswered and method == "DELETE" and answer.status_code == httpx.codes.NOT_FOUND:
                    return {}
                fault = self._refusal(answer, doing)
                if answer.status_code not in RETRIED:
                    raise fault
                wanted = _retry_after(answer.headers.get("Retry-After"))
            pause_s = min(wanted, LONGEST_RETRY_AFTER_S) if wanted is not None else pause
            if time.monotonic() + pause_s > deadline:
                raise fault from None
            time.sleep(pause_s)
        raise AssertionError  # pauses never end

    def _unreachable(self, method: str, doing: str, error: httpx.RequestError, *, sent: bool) -> NeonError:
        # Not the error's own text: httpx puts the header that it could not send into it.
        if sent and method == "GET":
            return NeonError(f"cannot {doing}: {self._url} does not answer ({type(error).__name__}); try again later")
        if sent:
            return NeonUnansweredError(
                f"no answer when trying to {doing} ({type(error).__name__}): whether it was done is unknown;"
                " look with `cathouse neon branch list` or `cathouse neon project list` before trying again"
            )
        return NeonError(
            f"cannot {doing}: {self._url} cannot be reached ({type(error).__name__});"
            " check the network, and NEON_API_URL if it is set"
        )

    def _refusal(self, answer: httpx.Response, doing: str) -> NeonError:
        try:
            said = answer.json()
        except ValueError:
            said = None
        members = said if isinstance(said, dict) else {}
        # A server may repeat what it was sent.
        message = str(members.get("message", "")).replace(self._key.get_secret_value(), "…")
        return refusal(doing, status=answer.status_code, message=message, code=str(members.get("code", "")))

    @staticmethod
    def _read(answer: httpx.Response, doing: str) -> dict[str, Any]:
        if not answer.content:
            return {}
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise NeonError(f"cannot {doing}: the answer is not JSON; check NEON_API_URL", status=answer.status_code)
        return said


def pauses(first_s: float) -> Iterator[float]:
    """Ever longer pauses in seconds, without end, a little uneven so that many callers do not come back at once."""
    pause = first_s
    while True:
        yield min(pause, LONGEST_PAUSE_S) * random.uniform(0.8, 1.0)  # noqa: S311 - guards nothing
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for; None when there is none that can be read."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
