"""auth-service's own variables."""

from pydantic import Field, SecretStr, field_validator

from auth_service.secrets import JwtSecrets
from cathouse.web import ServiceSettings


class AuthSettings(ServiceSettings):
    """What auth-service reads from the environment."""

    jwt_secret: SecretStr = Field(
        description="wraps the signing keys and derives refresh tokens: 32 characters or more (several, newest first,"
        " comma-separated, while one is being replaced); `make env` writes one"
    )

    @field_validator("jwt_secret")
    @classmethod
    def _secret_is_strong(cls, value: SecretStr) -> SecretStr:
        JwtSecrets.parse(value.get_secret_value())
        return value

    def jwt_secrets(self) -> JwtSecrets:
        """The keys made from ``JWT_SECRET``."""
        return JwtSecrets.parse(self.jwt_secret.get_secret_value())
