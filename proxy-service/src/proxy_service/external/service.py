"""The rules of external calls: which host, with which secret, how often, and what comes back."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from cathouse.database import AnyRow, Database
from cathouse.identity import CallbackToken, Keyring, SecretUnreadableError, check_standing, unwrap_secret
from cathouse.schema import InteractionKind, PermissionType
from cathouse.web import Limiter, OutsideUrlRules, Rates
from proxy_service.egress.answers import AnswerRules
from proxy_service.egress.client import OutsideClient
from proxy_service.egress.requests import OutsideRequest, host_of
from proxy_service.egress.shares import Shares
from proxy_service.external import repository
from proxy_service.external.echoes import Echoes
from proxy_service.external.errors import (
    HostNotDeclaredError,
    SecretHeaderTakenError,
    SecretNotDeclaredError,
    SecretNotForHostError,
    SecretNotSetError,
    UrlNotAllowedError,
)
from proxy_service.external.schemas import Encoding, ExternalAnswer, ExternalCall
from proxy_service.reports import InteractionReporter, Record

TIMEOUT_S = 15.0
MOST_FOR_INSTALLATION = 5
MOST_FOR_CAT = 50
MOST_IN_ALL = 500
"""All numbers: design/security.md, "The door to the outside"."""

SECRET_ECHOED = "secret_echoed"  # noqa: S105 - what is reported
"""The ``proxy_error`` of a call whose host sent the secret back."""

_SENDABLE = re.compile(r"[!-~]([ -~]*[!-~])?")
_RETURNED = frozenset({"content-type", "retry-after", "etag", "link"})

ANY_ANSWER = AnswerRules(
    returns=lambda name: name in _RETURNED or name.startswith("x-"),
    is_failure=lambda _status: False,
)
"""Whatever a host says is the cat's to read."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Secret:
    """A player's secret, and the header that the release declares for it."""

    header: str
    value: str = field(repr=False)


class ExternalService:
    """Calls hosts on behalf of cats.

    Nothing about authorisation is kept between two calls: each asks the database. No connection to it is held while a
    host is waited for.
    """

    def __init__(
        self,
        database: Database,
        outside: OutsideClient,
        reporter: InteractionReporter,
        *,
        secret_keys: Keyring,
        urls: OutsideUrlRules,
        limiter: Limiter,
        rates: Rates,
    ) -> None:
        """``secret_keys`` open players' secrets; ``rates`` is what an installation is held to."""
        self._database = database
        self._outside = outside
        self._reporter = reporter
        self._secret_keys = secret_keys
        self._urls = urls
        self._limiter = limiter
        self._rates = rates
        # Apart from interactions: a cat makes these calls while it is answering one, which holds a place there.
        self._shares = Shares(installation=MOST_FOR_INSTALLATION, cat=MOST_FOR_CAT, total=MOST_IN_ALL)

    async def call(self, token: CallbackToken, wanted: ExternalCall) -> ExternalAnswer:
        """Make the call, with the player's secret where one is named, and return what the host answered.

        Raises:
            InstallationNotActiveError, PermissionNotGrantedError, RateLimitedError, UrlNotAllowedError,
            HostNotDeclaredError, SecretNotDeclaredError, SecretNotForHostError, SecretNotSetError,
            SecretHeaderTakenError, SecretUnreadableError, RefusedCallError: nothing was sent.
            EgressError: the host gave no usable answer.
        """
        found = check_standing(
            await self._database.read(
                lambda session: repository.find_caller(session, token.installation_id, wanted.secret)
            ),
            token,
            PermissionType.EXTERNAL_API,
        )
        await self._limiter.hit(f"external/{found.id}", self._rates)
        host = self._declared_host(wanted.url, found)
        secret = self._open(wanted, host, found)
        headers = dict(wanted.headers)
        if secret is not None:
            headers[secret.header] = secret.value
        request = OutsideRequest(found.cat_id, wanted.url, headers, wanted.content(), wanted.method)
        with (
            self._shares.hold(found.cat_id, found.id),
            Record(
                self._reporter,
                installation_id=found.id,
                cat_id=found.cat_id,
                kind=InteractionKind.EXTERNAL,
                action=f"{wanted.method} {host}",
                bytes_in=len(request.body),
            ) as record,
        ):
            async with self._outside.call(request, timeout_s=TIMEOUT_S, rules=ANY_ANSWER) as answer:
                body = await answer.read()
        received = len(body)
        body, returned, is_echoed = _without(secret, body, answer.headers)
        if is_echoed:
            _logger.warning(
                "external.secret_echoed", installation_id=str(found.id), cat_id=str(found.cat_id), host=host
            )
        record.finish(status=answer.status, proxy_error=SECRET_ECHOED if is_echoed else None, bytes_out=received)
        text, encoding = _text(body)
        return ExternalAnswer(status=answer.status, headers=returned, body=text, body_encoding=encoding)

    def _declared_host(self, url: str, found: AnyRow) -> str:
        """The URL's host, which the release must declare."""
        try:
            host = host_of(self._urls.check(url))
        except ValueError as error:
            raise UrlNotAllowedError(str(error)) from None
        if host not in found.egress_hosts:
            raise HostNotDeclaredError(host)
        return host

    def _open(self, wanted: ExternalCall, host: str, found: AnyRow) -> _Secret | None:
        """The secret that the cat names, ready to be sent."""
        name = wanted.secret
        if name is None:
            return None
        declared = next((each for each in found.secrets if each["name"] == name), None)
        if declared is None:
            raise SecretNotDeclaredError(name)
        if declared["host"] != host:
            raise SecretNotForHostError(name, declared["host"])
        header: str = declared["header"]
        if header.lower() in {each.lower() for each in wanted.headers}:
            raise SecretHeaderTakenError(name, header)
        if found.wrapped_value is None:
            raise SecretNotSetError(name)
        value = unwrap_secret(
            self._secret_keys, found.wrapped_value, key_id=found.key_id, installation_id=found.id, name=name
        )
        if not _SENDABLE.fullmatch(value):
            # installation-service keeps none such: what is put into a request must not depend on that.
            raise SecretUnreadableError(name)
        return _Secret(header, value)


def _without(secret: _Secret | None, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str], bool]:
    """The answer without the secret, and whether that was in it."""
    if secret is None:
        return body, dict(headers), False
    echoes = Echoes(secret.value)
    body, is_echoed = echoes.remove(body)
    returned: dict[str, str] = {}
    for name, value in headers.items():
        if echoes.is_in_name(name):
            is_echoed = True
            continue
        cleaned, was_there = echoes.remove(value.encode())
        returned[name] = cleaned.decode()
        is_echoed |= was_there
    return body, returned, is_echoed


def _text(body: bytes) -> tuple[str, Encoding]:
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
