"""The variables that say which Neon project is meant, and with which key."""

import re

from pydantic import Field, HttpUrl, SecretStr, field_validator

from cathouse.configuration import ConfigurationError, EnvironmentSettings

_IDENTIFIER = r"^[a-z0-9-]{1,60}$"
"""What Neon's document demands of every id."""

_KEY = re.compile(r"[\x21-\x7e]+")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class NeonSettings(EnvironmentSettings):
    """The key, the project, and what of the project is used when nothing else is said."""

    neon_api_key: SecretStr | None = Field(None, description="an API key of Neon's console (Settings, API keys)")
    neon_project_id: str | None = Field(None, pattern=_IDENTIFIER, description="the id of the Neon project")
    neon_org_id: str | None = Field(
        None, pattern=_IDENTIFIER, description="the organization; a personal API key needs it to list or make projects"
    )
    neon_api_url: HttpUrl = HttpUrl("https://console.neon.tech/api/v2")
    neon_parent_branch: str = Field("development", description="id or name of the branch that copies are made of")
    neon_database: str = "cathouse"
    neon_role: str | None = Field(None, description="the role to connect as; without it the database's owner")

    @field_validator("neon_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _KEY.fullmatch(value.get_secret_value()):
            raise ValueError("expected an API key without spaces, line breaks and special characters")
        return value

    @field_validator("neon_api_url")
    @classmethod
    def _keeps_the_key_secret(cls, value: HttpUrl) -> HttpUrl:
        if value.scheme != "https" and value.host not in _LOOPBACK:
            raise ValueError("expected an https:// URL: the API key must not travel in the clear")
        return value

    @property
    def is_configured(self) -> bool:
        """Whether both the key and the project are given."""
        return self.neon_api_key is not None and self.neon_project_id is not None

    def key(self) -> SecretStr:
        """The API key.

        Raises:
            ConfigurationError: when it is missing.
        """
        if self.neon_api_key is None:
            raise ConfigurationError("NEON_API_KEY is not set: make one in Neon's console (Settings, API keys)")
        return self.neon_api_key

    def project_id(self) -> str:
        """The project's id.

        Raises:
            ConfigurationError: when it is missing.
        """
        if self.neon_project_id is None:
            raise ConfigurationError("NEON_PROJECT_ID is not set: `cathouse neon project list` shows the ids")
        return self.neon_project_id
