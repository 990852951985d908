"""Reading settings from the environment, and refusing to start with one clear line.

A settings class is a ``pydantic_settings.BaseSettings`` whose fields are named like their variables. Any
variable may instead be given as a file: ``JWT_SECRET_FILE=/run/secrets/jwt`` is read when ``JWT_SECRET`` is
absent (the habit of Docker and Kubernetes secrets).
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def env_files() -> tuple[Path, ...]:
    """The .env files that count: the working directory's, and before it the checkout's for a service's own folder.

    A folder above the checkout is never looked at.
    """
    own = Path(".env").resolve()
    is_service_folder = (own.parent.parent / "docker-compose.yml").is_file() and own.parent.name.endswith("-service")
    return (own.parent.parent / ".env", own) if is_service_folder else (own,)


class ConfigurationError(Exception):
    """The environment is not usable. The message is one line per fault, ready to be shown to the operator."""


def read_secret_file(name: str) -> str | None:
    """What the file of ``NAME_FILE`` holds at this moment, or None when the variable is not set.

    Raises:
        ConfigurationError: when the file cannot be read.
    """
    path = os.environ.get(f"{name.upper()}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:  # whose own text shows a byte of the secret
        raise ConfigurationError(f"{name.upper()}_FILE: {path}: it is not text (UTF-8)") from None
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise ConfigurationError(f"{name.upper()}_FILE: {path}: {reason.lower()}") from None


class _SecretFiles(PydanticBaseSettingsSource):
    """Values from ``NAME_FILE`` variables."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401 - pydantic's signature
        """Not used: the source answers for all fields at once."""
        raise NotImplementedError(field, field_name)

    def __call__(self) -> dict[str, Any]:
        found = {name: read_secret_file(name) for name in self.settings_cls.model_fields}
        return {name: value for name, value in found.items() if value is not None}


class EnvironmentSettings(BaseSettings):
    """Settings whose fields are environment variables (upper case), ``*_FILE`` files or lines of a .env file.

    An empty value counts as absent, so that ``VARIABLE=`` in a .env file means "the default".
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", hide_input_in_errors=True, frozen=True)

    environment: Literal["development", "production"] = "development"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def is_production(self) -> bool:
        """Whether the strict rules hold: no placeholder, no root secret, no private endpoints."""
        return self.environment == "production"

    def reread(self, name: str) -> str | None:
        """The present content of the file that the field ``name`` was read from; None when it came another way.

        A secrets manager that rotates a secret writes the file anew.

        Raises:
            ConfigurationError: when the file cannot be read any more.
        """
        given = os.environ.get(name.upper())
        return None if given else read_secret_file(name)

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic's hook
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _SecretFiles(settings_cls), dotenv_settings, file_secret_settings)


SettingsT = TypeVar("SettingsT", bound=EnvironmentSettings)


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Read the environment into ``settings_class``.

    Raises:
        ConfigurationError: naming each variable that is missing or wrong and what is expected; never a value.
    """
    try:
        return settings_class(_env_file=env_files())
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ConfigurationError("\n".join(_explain(fault, settings_class) for fault in faults)) from None


def _explain(fault: "ErrorDetails", settings_class: type[EnvironmentSettings]) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    name = str(fault["loc"][0])
    if fault["type"] != "missing":
        return f"{name.upper()}: {message}"
    expected = settings_class.model_fields[name].description
    return f"{name.upper()} is not set: {expected or 'see .env.example'}"
