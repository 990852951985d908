"""Why a caller was not let in."""

from cathouse.errors import ServiceError
from cathouse.identity.scopes import Scope
from cathouse.schema import PermissionType, Role

BEARER_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cathouse"'}
"""RFC 9110 section 11.6.1: a 401 carries a challenge; without credentials it names no error (RFC 6750 section 3)."""

INVALID_TOKEN_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cathouse", error="invalid_token"'}
"""For who sent a token that counts no longer, or never did (RFC 6750 section 3.1)."""


class AuthenticationRequiredError(ServiceError):
    """No credentials were sent."""

    code = "authentication_required"
    status = 401
    title = "Log in first"

    def __init__(self, detail: str = "Send an access token: Authorization: Bearer …") -> None:
        """RFC 6750 section 3: without credentials the challenge carries no error."""
        super().__init__(detail, headers=BEARER_CHALLENGE)


class InvalidTokenError(ServiceError):
    """The token is not one of ours, is for something else, or has ended."""

    code = "invalid_token"
    status = 401
    title = "The token is not valid"

    def __init__(self, detail: str = "The token is not valid or has expired. Refresh it, or log in again.") -> None:
        """The reason stays vague on purpose: it would only help who forges tokens."""
        super().__init__(detail, headers=INVALID_TOKEN_CHALLENGE)


class RoleRequiredError(ServiceError):
    """The person is known but may not do this."""

    code = "role_required"
    status = 403
    title = "Your role does not allow this"

    def __init__(self, role: Role) -> None:
        """``role`` is the least that would do."""
        super().__init__(f"This needs the role {role}.", role=role.value)


class ScopeRequiredError(ServiceError):
    """The token came from an API key, and the key may not do this."""

    code = "scope_required"
    status = 403
    title = "The API key does not allow this"

    def __init__(self, scope: Scope | None) -> None:
        """``scope`` is what would do; None: nothing but a log-in."""
        detail = f"This needs an API key with the scope {scope}." if scope else "An API key cannot do this. Log in."
        super().__init__(detail, scope=scope.value if scope else None)


class ReauthenticationRequiredError(ServiceError):
    """The log-in is too long ago for what is asked."""

    code = "reauthentication_required"
    status = 403
    title = "Log in again first"

    def __init__(self) -> None:
        """Refreshing does not help: it carries the time of the log-in on."""
        super().__init__("This needs a log-in within the last ten minutes. Log in again, then repeat it.")


class SigningRootRetiredError(ServiceError):
    """The root under which a cat's signing secret was derived is not configured any more."""

    code = "signing_root_retired"
    status = 503
    title = "The cat's signing secret cannot be derived"

    def __init__(self) -> None:
        """For the operator: players and developers can only wait."""
        super().__init__(
            "The platform secret that this cat's secret came from was taken away. Its operator has to restore it."
        )


class KeysUnavailableError(ServiceError):
    """The keys that a token is checked with could not be fetched, and no usable ones are known."""

    code = "keys_unavailable"
    status = 503
    title = "Tokens cannot be checked at the moment"

    def __init__(self) -> None:
        """Whoever has the keys is usually back within seconds."""
        super().__init__("The keys to check your token with cannot be fetched at the moment.", retry_after_s=2)


class InstallationNotActiveError(ServiceError):
    """The installation is paused, suspended or uninstalled: its cat is nobody here any more, at once."""

    code = "installation_not_active"
    status = 401
    title = "The installation is not active"

    def __init__(self) -> None:
        """The cat is not told which of the three it is."""
        super().__init__(
            "The installation that this call is about is not active.",
            headers=INVALID_TOKEN_CHALLENGE,
        )


class PermissionNotGrantedError(ServiceError):
    """The player did not allow this, or not any more."""

    code = "permission_not_granted"
    status = 403
    title = "The player did not grant this permission"

    def __init__(self, permission: PermissionType) -> None:
        """``permission`` is what the call needs."""
        super().__init__(f"The player did not grant {permission} to this cat.", permission_type=permission.value)


class SecretUnreadableError(ServiceError):
    """A player's secret cannot be opened: the key that it was kept under is not configured any more."""

    code = "secret_unreadable"
    status = 409
    title = "The player's secret cannot be read any more"

    def __init__(self, name: str) -> None:
        """``name`` is how the release calls it. Nothing that was tried is told."""
        super().__init__(
            f"The secret {name} was kept under a platform secret that was taken away. The player has to give it anew.",
            secret=name,
        )
