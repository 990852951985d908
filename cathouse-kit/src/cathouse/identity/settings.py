"""The variables that say whom a service believes and which keys it holds."""

from typing import Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from cathouse.configuration import EnvironmentSettings
from cathouse.identity.keys import USED_BY, Keyring, KeyUse, derive, parse_keyring, parse_roots


class PlatformKeySettings(EnvironmentSettings):
    """The root secret (development) or the derived keys (production; ``cathouse keys env SERVICE`` prints them)."""

    platform_secret: SecretStr | None = Field(
        None, description="the root of all keys between services; development only, 32 characters or more"
    )
    key_auth_to_catalog: SecretStr | None = None
    key_auth_to_installation: SecretStr | None = None
    key_catalog_to_proxy: SecretStr | None = None
    key_installation_to_auth: SecretStr | None = None
    key_installation_to_proxy: SecretStr | None = None
    key_proxy_to_installation: SecretStr | None = None
    key_callback_tokens: SecretStr | None = None
    key_player_secrets: SecretStr | None = None
    key_cat_signing: SecretStr | None = None

    @field_validator("platform_secret")
    @classmethod
    def _roots_are_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_roots(value.get_secret_value())
        return value

    @field_validator(*KeyUse)
    @classmethod
    def _keys_are_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_keyring(value.get_secret_value())
        return value

    def check_keys(self, service: str) -> None:
        """Make sure that every key that ``service`` uses is there, and in production nothing that reaches further.

        Raises:
            ValueError: naming the variable.
        """
        for use in sorted(USED_BY[service]):
            self.keyring(use, service)

    def keyring(self, use: KeyUse, service: str) -> Keyring:
        """The key for ``use``.

        Raises:
            ValueError: when neither it nor, in development, the root is there; when the root is there in production.
        """
        if self.is_production and self.platform_secret is not None:
            raise ValueError(
                "PLATFORM_SECRET must not be given to a service in production: it would let this one speak for the"
                f" others. Give it only its own keys: `cathouse keys env {service}` prints them"
            )
        given: SecretStr | None = getattr(self, use.value)
        if given is not None:
            return parse_keyring(given.get_secret_value())
        if self.platform_secret is not None:
            return derive(parse_roots(self.platform_secret.get_secret_value()), use)
        if self.is_production:
            raise ValueError(
                f"{use.value.upper()} is not set: `cathouse keys env {service}` prints this service's keys"
            )
        raise ValueError("PLATFORM_SECRET is not set: `make env` writes a .env with fresh secrets")


class IdentitySettings(PlatformKeySettings):
    """Whose access tokens are believed."""

    token_issuer: str = Field("https://auth.cathouse.local", min_length=1, description="the `iss` of access tokens")
    auth_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8001"), description="auth-service, for its public keys")

    @property
    def jwks_url(self) -> str:
        """Where auth-service serves its public keys."""
        return f"{str(self.auth_url).rstrip('/')}/.well-known/jwks.json"

    @model_validator(mode="after")
    def _issuer_is_own_in_production(self) -> Self:
        if self.is_production and self.token_issuer == IdentitySettings.model_fields["token_issuer"].default:
            raise ValueError("TOKEN_ISSUER is not set: in production it is auth-service's public URL")
        return self
