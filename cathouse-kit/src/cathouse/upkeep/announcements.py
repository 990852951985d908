"""Telling people that a migration failed: a message to the webhook that the environment names."""

import httpx
from pydantic import Field, HttpUrl, SecretStr, field_validator

from cathouse.configuration import EnvironmentSettings

TIMEOUT_S = 10.0


class AnnouncementSettings(EnvironmentSettings):
    """Where failures are announced. The URL of a webhook is a secret: who knows it can write there."""

    migration_webhook_url: SecretStr | None = Field(
        None, description="a webhook that takes {\"text\": …} as JSON, as Slack's, Mattermost's and Discord's /slack do"
    )

    @field_validator("migration_webhook_url")
    @classmethod
    def _is_a_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                HttpUrl(value.get_secret_value())
            except ValueError:
                raise ValueError("expected an http:// or https:// URL") from None
        return value


def announce(settings: AnnouncementSettings, message: str) -> str | None:
    """Post ``message`` and return None, or why it could not be told; a webhook that is away hides no failure."""
    if settings.migration_webhook_url is None:
        return None
    url = settings.migration_webhook_url.get_secret_value()
    try:
        answer = httpx.post(url, json={"text": message}, timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        return f"the webhook did not take the announcement: {type(error).__name__}"
    return None if answer.is_success else f"the webhook did not take the announcement: status {answer.status_code}"
