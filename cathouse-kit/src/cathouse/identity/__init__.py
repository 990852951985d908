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
    SignedRequest,
    SigningCat,
    called_by,
    policy_of,
    public,
)
from cathouse.identity.access_tokens import AccessTokenVerifier
from cathouse.identity.callback_tokens import CallbackToken, issue_callback_token, read_callback_token
from cathouse.identity.errors import (
    AuthenticationRequiredError,
    InstallationNotActiveError,
    InvalidTokenError,
    KeysUnavailableError,
    PermissionNotGrantedError,
    ReauthenticationRequiredError,
    RoleRequiredError,
    ScopeRequiredError,
    SecretUnreadableError,
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
from cathouse.identity.player_secrets import SecretWrapper, unwrap_secret
from cathouse.identity.principal import Principal
from cathouse.identity.scopes import Scope
from cathouse.identity.service_tokens import issue_service_token, verify_service_token
from cathouse.identity.settings import IdentitySettings, PlatformKeySettings
from cathouse.identity.standing import check_active, check_standing

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
    "InstallationNotActiveError",
    "InvalidTokenError",
    "KeyUse",
    "Keyring",
    "KeysUnavailableError",
    "OptionalPerson",
    "PermissionNotGrantedError",
    "PlatformKeySettings",
    "Principal",
    "PublicKeys",
    "ReauthenticationRequiredError",
    "RecentPlayer",
    "RemoteJwks",
    "RoleRequiredError",
    "Scope",
    "ScopeRequiredError",
    "SecretUnreadableError",
    "SecretWrapper",
    "SignedRequest",
    "SigningCat",
    "SigningRootRetiredError",
    "call_key",
    "called_by",
    "cat_signing_secret",
    "check_active",
    "check_standing",
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
    "unwrap_secret",
    "verify_service_token",
]
