"""The access aliases: what a route says about who may call it.

Every route has exactly one of them, or ``public``; ``tests/architecture`` walks all routes and wants it so.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, TypeVar, cast

from fastapi import Depends, Header, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer

from cathouse.database import Database
from cathouse.identity.access_tokens import AccessTokenVerifier
from cathouse.identity.callback_tokens import CallbackToken, read_callback_token
from cathouse.identity.errors import (
    AuthenticationRequiredError,
    InvalidTokenError,
    ReauthenticationRequiredError,
    RoleRequiredError,
    ScopeRequiredError,
)
from cathouse.identity.keys import Keyring
from cathouse.identity.principal import Principal, pseudonym_of
from cathouse.identity.scopes import Scope
from cathouse.identity.service_tokens import verify_service_token
from cathouse.identity.standing import is_active_admin
from cathouse.schema import Role

TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105 - a path

RECENT = dt.timedelta(minutes=10)
"""How long a log-in counts as recent: design/security.md, "Passwords and logging in"."""

KNOWN_WHEN_SIGNED_IN = "anyone, known when signed in"
"""The policy of the routes for everybody that tell a person more."""

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


class IdentityState(Protocol):
    """What a service's lifespan puts into ``request.state`` for these aliases."""

    service: str
    database: Database
    access_tokens: AccessTokenVerifier
    callback_keys: Keyring
    caller_keys: dict[str, Keyring]


_person = OAuth2PasswordBearer(
    tokenUrl=TOKEN_PATH,
    auto_error=False,
    scheme_name="Person",
    description="A person's access token. The username is the e-mail address; client_id and client_secret stay empty.",
)
_cat = HTTPBearer(auto_error=False, scheme_name="Cat", description="The callback token of an envelope.")
_cat_signature = APIKeyHeader(
    name="webhook-signature",
    auto_error=False,
    scheme_name="CatSignature",
    description="The body, signed with the cat's signing secret as Standard Webhooks wants it: `v1,…`.",
)
_service = HTTPBearer(auto_error=False, scheme_name="Service", description="Another service's token.")


def _policy(name: str) -> Callable[[CallableT], CallableT]:
    """Mark a dependency as the policy of the routes that use it."""

    def mark(dependency: CallableT) -> CallableT:
        vars(dependency)["access_policy"] = name
        return dependency

    return mark


def policy_of(dependency: object) -> str | None:
    """The policy that a dependency states, or None."""
    return cast("str | None", getattr(dependency, "access_policy", None))


def _state(request: Request) -> IdentityState:
    return cast("IdentityState", request.state)


async def _optional_person(request: Request, token: Annotated[str | None, Depends(_person)]) -> Principal | None:
    if not token:
        return None
    principal = await _state(request).access_tokens.verify(token)
    request.scope["state"]["user"] = pseudonym_of(principal.user_id)  # for the request's log line
    return principal


def _person_with(role: Role, *, scope: Scope | None = None) -> Callable[..., Awaitable[Principal]]:
    """``scope`` is what an API key needs here; without one no API key will do."""

    @_policy(f"{role.value} or key with {scope.value}" if scope else role.value)
    async def person(request: Request, principal: Annotated[Principal | None, Depends(_optional_person)]) -> Principal:
        if principal is None:
            raise AuthenticationRequiredError
        if not principal.has_scope(scope):
            raise ScopeRequiredError(scope)
        if not principal.has_role(role):
            raise RoleRequiredError(role)
        if role is Role.ADMIN and not await _is_admin_still(request, principal):
            raise RoleRequiredError(role)
        return principal

    return person


async def _is_admin_still(request: Request, principal: Principal) -> bool:
    return await _state(request).database.read(lambda session: is_active_admin(session, principal.user_id))


@_policy("player, logged in recently")
async def _recently_logged_in(principal: Annotated[Principal | None, Depends(_optional_person)]) -> Principal:
    if principal is None:
        raise AuthenticationRequiredError
    if not principal.has_scope(None):
        raise ScopeRequiredError(None)
    if dt.datetime.now(dt.UTC) - principal.authenticated_at > RECENT:
        raise ReauthenticationRequiredError
    return principal


def _anyone_known(*, scope: Scope | None = None) -> Callable[..., Awaitable[Principal | None]]:
    """``scope`` is what an API key needs here; without one no API key will do."""

    @_policy(f"{KNOWN_WHEN_SIGNED_IN} or by key with {scope.value}" if scope else KNOWN_WHEN_SIGNED_IN)
    async def anyone(principal: Annotated[Principal | None, Depends(_optional_person)]) -> Principal | None:
        if principal is not None and not principal.has_scope(scope):
            raise ScopeRequiredError(scope)
        return principal

    return anyone


@_policy("public")
async def _anyone() -> None:
    return None


@_policy("cat")
async def _calling_cat(
    request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_cat)]
) -> CallbackToken:
    if sent is None:
        raise AuthenticationRequiredError("Send the envelope's callback token: Authorization: Bearer chi_…")
    return read_callback_token(sent.credentials, _state(request).callback_keys)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that carries a Standard Webhooks signature. Nobody has checked it yet."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@_policy("cat, by signature")
async def _signing_cat(
    request: Request,
    webhook_signature: Annotated[str | None, Depends(_cat_signature)],
    webhook_id: Annotated[str | None, Header(description="New for every request.")] = None,
    webhook_timestamp: Annotated[str | None, Header(description="Now, in seconds since 1970.")] = None,
) -> SignedRequest:
    headers = {
        "webhook-id": webhook_id or "",
        "webhook-timestamp": webhook_timestamp or "",
        "webhook-signature": webhook_signature or "",
    }
    return SignedRequest(headers, await request.body())


def called_by(*callers: str) -> Any:  # noqa: ANN401 - a Depends, for `dependencies=[…]`
    """Only one of ``callers`` may call this route; for ``dependencies=[…]`` of internal routes."""

    @_policy(f"service:{', '.join(callers)}")
    async def service(
        request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_service)]
    ) -> None:
        if sent is None:
            raise AuthenticationRequiredError("This call is for Cat House's own services.")
        state = _state(request)
        for caller in callers:
            try:
                verify_service_token(sent.credentials, state.caller_keys[caller], caller=caller, callee=state.service)
            except InvalidTokenError:
                continue
            return
        raise InvalidTokenError

    return Depends(service)


public = Depends(_anyone)
"""For ``dependencies=[public]``: anybody may call this, and somebody decided so."""

CurrentPlayer = Annotated[Principal, Depends(_person_with(Role.PLAYER))]
"""Anybody who is signed in."""

CurrentDeveloper = Annotated[Principal, Depends(_person_with(Role.DEVELOPER))]
"""A developer or an admin."""

CatalogWriter = Annotated[Principal, Depends(_person_with(Role.DEVELOPER, scope=Scope.CATALOG_WRITE))]
"""A developer or an admin, also by an API key that may write in the catalog."""

DeveloperReader = Annotated[Principal, Depends(_person_with(Role.DEVELOPER, scope=Scope.DEVELOPER_READ))]
"""A developer or an admin, also by an API key that may read what developers see of their cats."""

RecentPlayer = Annotated[Principal, Depends(_recently_logged_in)]
"""Anybody who has logged in within the last ten minutes: for steps that a stolen access token must not take."""

CurrentAdmin = Annotated[Principal, Depends(_person_with(Role.ADMIN))]
"""An admin, by the token and by the database: who was demoted or closed has a good token for ten minutes more."""

CatalogReader = Annotated[Principal | None, Depends(_anyone_known(scope=Scope.CATALOG_READ))]
"""Anybody; who is signed in is known, also by an API key that may read the catalog."""

OptionalPerson = Annotated[Principal | None, Depends(_anyone_known())]
"""Anybody; who is signed in is known. An API key will not do."""

CallingCat = Annotated[CallbackToken, Depends(_calling_cat)]
"""A cat with a callback token whose signature and time hold; what is granted now is the owner's to check."""

SigningCat = Annotated[SignedRequest, Depends(_signing_cat)]
"""Somebody who claims to be a cat by a signature over the body; whose it is only the service that looks can tell."""
