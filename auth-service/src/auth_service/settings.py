"""auth-service's own variables."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from auth_service.jwt_secrets import JwtSecrets
from auth_service.mails.addresses import parse_sender
from auth_service.mails.server import SmtpServer
from cathouse.web import Rates, RatesText, ServiceSettings, parse_rates, split_by_commas


class AuthSettings(ServiceSettings):
    """What auth-service reads from the environment."""

    jwt_secret: SecretStr = Field(
        description="wraps the signing keys and derives refresh tokens: 32 characters or more (several, newest first,"
        " comma-separated, while one is being replaced); `make env` writes one"
    )
    catalog_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8002"), description="catalog-service, for erasures")
    installation_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8003"), description="installation-service, the same")

    limit_logins: RatesText = Field(
        "60/minute;600/hour", description="attempts to prove who one is, by address: COUNT/PERIOD, several by ;, or off"
    )
    limit_mails: RatesText = Field(
        "20/minute;100/hour", description="calls that may send a mail, by address: COUNT/PERIOD, several by ;, or off"
    )

    mail_url: SecretStr | None = Field(None, description="the SMTP server: smtp://USER:PASSWORD@HOST:587, or smtps://…")
    mail_from: str = Field("Cat House <no-reply@cathouse.invalid>", description="the sender of every mail")
    mail_folder: Path = Field(
        Path(".cathouse/mails"), description="development without MAIL_URL: where mails are written to"
    )
    public_url: HttpUrl = Field(
        HttpUrl("http://localhost:3000"), description="the front end, where the links in mails lead to"
    )
    email_verification: Literal["required", "optional"] = Field(
        "required", description="where mails are sent: whether an address must be verified before its first log-in"
    )

    clerk_issuer: str | None = Field(None, description="the `iss` of Clerk's tokens: its Frontend API URL")
    clerk_jwks_url: HttpUrl | None = Field(None, description="Clerk's keys; below the issuer by default")
    clerk_authorized_parties: Annotated[list[str], NoDecode, BeforeValidator(split_by_commas)] = Field(
        default_factory=list, description="origins that Clerk may have made a token for (`azp`), comma-separated"
    )

    @field_validator("jwt_secret")
    @classmethod
    def _secret_is_strong(cls, value: SecretStr) -> SecretStr:
        JwtSecrets.parse(value.get_secret_value())
        return value

    @field_validator("mail_url")
    @classmethod
    def _mail_url_is_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            SmtpServer.parse(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender_is_an_address(cls, value: str) -> str:
        parse_sender(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _links_can_begin_with_it(cls, value: HttpUrl) -> HttpUrl:
        if value.query is not None or value.fragment is not None or value.username is not None:
            raise ValueError("expected https://HOST or https://HOST/PATH: links are made by adding to its end")
        return value

    @field_validator("clerk_issuer")
    @classmethod
    def _issuer_is_a_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("expected Clerk's Frontend API URL, for example https://clerk.example.com")
        if value is not None and value.endswith("/"):
            raise ValueError("it is compared sign by sign with the tokens' `iss`, which has no slash at its end")
        return value

    @model_validator(mode="after")
    def _clerk_is_whole(self) -> Self:
        if self.clerk_issuer is None:
            return self
        if not self.clerk_authorized_parties:
            raise ValueError("CLERK_AUTHORIZED_PARTIES is not set: the origins of the front ends that use this Clerk")
        if self.is_production and not self.clerk_issuer.startswith("https://"):
            raise ValueError("CLERK_ISSUER: in production it is an https URL")
        return self

    @model_validator(mode="after")
    def _mail_is_whole_in_production(self) -> Self:
        if not self.is_production or self.mail_url is None:
            return self
        for name in ("mail_from", "public_url"):
            if getattr(self, name) == AuthSettings.model_fields[name].default:
                raise ValueError(f"{name.upper()} is not set: {AuthSettings.model_fields[name].description}")
        if self.public_url.scheme != "https":
            raise ValueError("PUBLIC_URL: in production it is an https URL: who can change the page reads the tokens")
        return self

    def address_limits(self) -> dict[str, Rates]:
        """The names that this service's routes use."""
        return {"logins": parse_rates(self.limit_logins), "mails": parse_rates(self.limit_mails)}

    def jwt_secrets(self) -> JwtSecrets:
        """The keys made from ``JWT_SECRET``."""
        return JwtSecrets.parse(self.jwt_secret.get_secret_value())

    def smtp_server(self) -> SmtpServer | None:
        """Where mails are handed over, or None without ``MAIL_URL``."""
        return SmtpServer.parse(self.mail_url.get_secret_value()) if self.mail_url is not None else None

    @property
    def requires_verification(self) -> bool:
        """Whether an address must be verified: only where mails are really sent."""
        return self.mail_url is not None and self.email_verification == "required"

    def clerk_keys_url(self) -> str:
        """Where Clerk's keys are; by configuration and never by a token."""
        return str(self.clerk_jwks_url or f"{self.clerk_issuer or ''}/.well-known/jwks.json")
