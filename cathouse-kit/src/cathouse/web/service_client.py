"""Calling another service."""

from typing import Any, Self

import httpx
import structlog
from pydantic import HttpUrl
from pydantic_core import to_json

from cathouse.errors import ServiceError
from cathouse.identity import Keyring, PlatformKeySettings, call_key, issue_service_token
from cathouse.tls import tls_for
from cathouse.web.observing.tracing import calling

KEPT_FOR_S = 2.0
"""Seconds for which an idle connection is used again.

Shorter than a service keeps it (uvicorn: 5), so that none is used in the moment in which the other side closes it.
"""


class ServiceUnavailableError(ServiceError):
    """Another of our services did not answer."""

    code = "service_unavailable"
    status = 503
    title = "Another part of Cat House does not answer"

    def __init__(self, service: str) -> None:
        """``service`` is the one that was asked."""
        super().__init__(f"{service}-service does not answer at the moment. Try again.", retry_after_s=2)


class ServiceClient:
    """One service's way to another's internal calls: a fresh token each time, the request's id passed on."""

    def __init__(self, *, caller: str, callee: str, base_url: str, keys: Keyring, timeout_s: float) -> None:
        """``timeout_s`` bounds each phase of a call: connecting, sending, each wait for a part of the answer."""
        self._caller = caller
        self._callee = callee
        self._keys = keys
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout_s,
            trust_env=False,
            verify=tls_for(base_url),
            limits=httpx.Limits(keepalive_expiry=KEPT_FOR_S),
        )

    @classmethod
    def from_settings(
        cls, settings: PlatformKeySettings, *, caller: str, callee: str, url: HttpUrl, timeout_s: float
    ) -> Self:
        """It, with the key of the pair.

        Raises:
            ValueError: the key is missing.
        """
        keys = settings.keyring(call_key(caller, callee), caller)
        return cls(caller=caller, callee=callee, base_url=str(url), keys=keys, timeout_s=timeout_s)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call ``path`` and return its answer. Ids and times in ``body`` are sent as JSON has them.

        Raises:
            ServiceUnavailableError: when there was none, or none that can be used.
        """
        headers = {
            "Authorization": f"Bearer {issue_service_token(self._keys, caller=self._caller, callee=self._callee)}",
            "Content-Type": "application/json",
        }
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            headers["X-Request-ID"] = request_id
        try:
            with calling(f"POST {self._callee}-service", **{"url.path": path}) as call:
                answer = await self._http.post(path, content=to_json(body), headers={**headers, **call.headers()})
                call.answered(answer.status_code)
            answer.raise_for_status()
            result: dict[str, Any] = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise ServiceUnavailableError(self._callee) from error
        return result

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()
