"""The access aliases: what a route says about who may call it.

Every route has exactly one of them, or ``public``; ``tests/architecture`` walks all routes and wants it so.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol, TypeVar, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer

from cathouse.identity.access_tokens import AccessTokenVerifier
from cathouse.identity.callback_tokens import CallbackToken, read_callback_token
from cathouse.identity.errors import AuthenticationRequiredError, RoleRequiredError
from cathouse.identity.keys import Keyring
from cathouse.identity.principal import Principal
from cathouse.identity.service_tokens import verify_service_token
from cathouse.schema import Role

TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105 - a path


CallableT = TypeVar("CallableT", bound=Callable[..., Any])


class IdentityState(Protocol):
    """What a service's lifespan puts into ``request.state`` for these aliases."""

    service: str
    access_tokens: AccessTokenVerifier
    callback_keys: Keyring
    caller_keys: dict[str, Keyring]


_person = OAuth2PasswordBearer(
    tokenUrl=TOKEN_PATH, auto_error=False, scheme_name="Person", description="A person's access token."
)
_cat = HTTPBearer(auto_error=False, scheme_name="Cat", description="The callback token of an envelope.")
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
    return await _state(request).access_tokens.verify(token) if token else None


def _person_with(role: Role) -> Callable[..., Awaitable[Principal]]:
    @_policy(role.value)
    async def person(principal: Annotated[Principal | None, Depends(_optional_person)]) -> Principal:
        if principal is None:
            raise AuthenticationRequiredError
        if not principal.has_role(role):
            raise RoleRequiredError(role)
        return principal

    return person


@_policy("anyone, known when signed in")
async def _anyone_known(principal: Annotated[Principal | None, Depends(_optional_person)]) -> Principal | None:
    return principal


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


def called_by(caller: str) -> Any:  # noqa: ANN401 - a Depends, for `dependencies=[…]`
    """Only ``caller`` may call this route; for ``dependencies=[…]`` of internal routes."""

    @_policy(f"service:{caller}")
    async def service(
        request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_service)]
    ) -> None:
        if sent is None:
            raise AuthenticationRequiredError("This call is for Cat House's own services.")
        state = _state(request)
        verify_service_token(sent.credentials, state.caller_keys[caller], caller=caller, callee=state.service)

    return Depends(service)


public = Depends(_anyone)
"""For ``dependencies=[public]``: anybody may call this, and somebody decided so."""

CurrentPlayer = Annotated[Principal, Depends(_person_with(Role.PLAYER))]
"""Anybody who is signed in."""

CurrentDeveloper = Annotated[Principal, Depends(_person_with(Role.DEVELOPER))]
"""A developer or an admin."""

CurrentAdmin = Annotated[Principal, Depends(_person_with(Role.ADMIN))]
"""An admin."""

OptionalPerson = Annotated[Principal | None, Depends(_anyone_known)]
"""Anybody; who is signed in is known."""

CallingCat = Annotated[CallbackToken, Depends(_calling_cat)]
"""A cat with a callback token whose signature and time hold; what is granted now is the owner's to check."""
