"""Who is asking, and how services prove themselves to one another."""

from cathouse.identity.access import (
    KNOWN_WHEN_SIGNED_IN,
    CallingCat,
    CatalogReader,
    CatalogWriter,
    CurrentAdmin,
    CurrentDeveloper,
    CurrentPlayer,
    DeveloperReader,
    OptionalPerson,
    RecentPlayer,
    called_by,
    policy_of,
    public,
)
from cathouse.identity.access_tokens import AccessTokenVerifier
from cathouse.identity.callback_tokens import CallbackToken, issue_callback_token, read_callback_token
from cathouse.identity.errors import (
    AuthenticationRequiredError,
    InvalidTokenError,
    KeysUnavailableError,
    ReauthenticationRequiredError,
    RoleRequiredError,
    ScopeRequiredError,
    SigningRootRetiredError,
)
from cathouse.identity.jwks import PublicKeys, RemoteJwks, read_ec_keys, read_rsa_keys
from cathouse.identity.keys import (
    USED_BY,
    Keyring,
    KeyUse,
    call_key,
    cat_signing_secret,
    derive,
    fingerprints,
    parse_roots,
)
from cathouse.identity.principal import Principal
from cathouse.identity.scopes import Scope
from cathouse.identity.service_tokens import issue_service_token, verify_service_token
from cathouse.identity.settings import IdentitySettings, PlatformKeySettings

__all__ = [
    "KNOWN_WHEN_SIGNED_IN",
    "USED_BY",
    "AccessTokenVerifier",
    "AuthenticationRequiredError",
    "CallbackToken",
    "CallingCat",
    "CatalogReader",
    "CatalogWriter",
    "CurrentAdmin",
    "CurrentDeveloper",
    "CurrentPlayer",
    "DeveloperReader",
    "IdentitySettings",
    "InvalidTokenError",
    "KeyUse",
    "Keyring",
    "KeysUnavailableError",
    "OptionalPerson",
    "PlatformKeySettings",
    "Principal",
    "PublicKeys",
    "ReauthenticationRequiredError",
    "RecentPlayer",
    "RemoteJwks",
    "RoleRequiredError",
    "Scope",
    "ScopeRequiredError",
    "SigningRootRetiredError",
    "call_key",
    "called_by",
    "cat_signing_secret",
    "derive",
    "fingerprints",
    "issue_callback_token",
    "issue_service_token",
    "parse_roots",
    "policy_of",
    "public",
    "read_callback_token",
    "read_ec_keys",
    "read_rsa_keys",
    "verify_service_token",
]
