"""Requests of a cat to Cat House, and what its refusals mean."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Literal

import httpx

from cathouse.cat.errors import (
    CallbackError,
    NotActiveError,
    NotGrantedError,
    QuotaError,
    RateLimitedError,
    RevisionMismatchError,
    TokenRefusedError,
    UnavailableError,
)
from cathouse.cat.messages import Callback

CALL_TIMEOUT_S = 10.0
"""Seconds for a whole call, from the connection to the last byte."""

KEPT_FOR_S = 2.0
"""Seconds for which an idle connection is used again: shorter than Cat House keeps it."""

_PAGE = 100
_JSON = {"Content-Type": "application/json"}
_BY_CODE: Mapping[str, type[CallbackError]] = {
    "permission_not_granted": NotGrantedError,
    "installation_not_active": NotActiveError,
    "storage_quota": QuotaError,
    "task_quota": QuotaError,
    "invalid_signature": CallbackError,
    "webhook_id_used": CallbackError,
}
_BY_STATUS: Mapping[int, type[CallbackError]] = {
    401: TokenRefusedError,
    412: RevisionMismatchError,
    429: RateLimitedError,
    503: UnavailableError,
}
_NOT_OURS = "unknown"
_IN_FRONT_OF_US = (502, 504)
"""What a load balancer answers for a Cat House that it does not reach. Cat House's own answers have a code."""


heard_in: ContextVar[str | None] = ContextVar("heard_in", default=None)
"""The ``traceparent`` of the message that is being answered: calls for it are parts of the same trace."""


def make_http() -> httpx.AsyncClient:
    """A client for Cat House: no proxies and no authorities from the environment, no redirects."""
    return httpx.AsyncClient(
        trust_env=False, verify=_tls(), timeout=CALL_TIMEOUT_S, limits=httpx.Limits(keepalive_expiry=KEPT_FOR_S)
    )


class Calls:
    """Calls with one callback token."""

    def __init__(self, http: httpx.AsyncClient, callback: Callback | None) -> None:
        """Without a ``callback`` the installation is not active, and every call says so."""
        self._http = http
        self._callback = callback

    async def send(
        self,
        method: str,
        path: str,
        *,
        service: Literal["installation", "proxy"] = "installation",
        body: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Any:  # noqa: ANN401 - any JSON value
        """The answer's JSON value; None when it has no body.

        Raises:
            CallbackError: one of its kinds.
        """
        if self._callback is None:
            raise NotActiveError(None, "installation_not_active", "The message came without a callback.")
        callback = self._callback
        base = callback.installation_url if service == "installation" else callback.proxy_url
        sent = {"Authorization": f"Bearer {callback.token.get_secret_value()}", **_trace(), **(headers or {})}
        return await exchange(
            self._http,
            method,
            base.rstrip("/") + path,
            body=body,
            params=params,
            headers=sent,
            timeout_s=timeout_s,
        )

    async def pages(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Every item of a list, page by page."""
        wanted = {name: value for name, value in params.items() if value is not None} | {"limit": _PAGE}
        while True:
            page = await self.send("GET", path, params=wanted)
            for item in page["items"]:
                yield item
            if page["next_cursor"] is None:
                return
            wanted["cursor"] = page["next_cursor"]


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str],
    timeout_s: float = CALL_TIMEOUT_S,
) -> Any:  # noqa: ANN401 - any JSON value
    """One request, and the JSON value that answers it.

    Raises:
        CallbackError: one of its kinds.
    """
    sent = {**(_JSON if body is not None else {}), **headers}
    try:
        async with asyncio.timeout(timeout_s):
            answer = await http.request(
                method, url, content=body, params=dict(params or {}), headers=sent, timeout=timeout_s
            )
    except (TimeoutError, httpx.TimeoutException):
        raise UnavailableError(None, "timeout", f"There was no answer within {timeout_s:g} s.") from None
    except httpx.TransportError as error:
        raise UnavailableError(None, "unreachable", type(error).__name__) from error
    if not answer.is_success:
        raise _error(answer)
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        raise CallbackError(answer.status_code, "malformed_answer", "The answer is not JSON.") from None


def encode(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """A JSON value as a body.

    Raises:
        TypeError, ValueError: it is none.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def once(idempotency_key: str | None) -> dict[str, str]:
    """The header with which a call that is made twice is done once."""
    return {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}


def _trace() -> dict[str, str]:
    traceparent = heard_in.get()
    return {} if traceparent is None else {"traceparent": traceparent}


def _error(answer: httpx.Response) -> CallbackError:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    code = str(problem.get("code", _NOT_OURS))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(answer.status_code, CallbackError)
    if code == _NOT_OURS and answer.status_code in _IN_FRONT_OF_US:
        kind = UnavailableError
    wait = answer.headers.get("retry-after", "")
    return kind(
        answer.status_code,
        code,
        str(problem.get("detail", answer.reason_phrase)),
        retry_after_s=int(wait) if wait.isdecimal() else None,
        problem=problem,
    )


@cache
def _tls() -> ssl.SSLContext:
    """Made once: to read the authorities takes a client of its own tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)
