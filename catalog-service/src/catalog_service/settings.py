"""catalog-service's own variables."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from catalog_service.embeddings.embedder import LOCAL, Embedder, make_embedder
from cathouse.schema import EMBEDDING_DIMENSIONS
from cathouse.web import SERVICES, OutsideUrlRules, ServiceSettings


class CatalogSettings(ServiceSettings):
    """What catalog-service reads from the environment."""

    proxy_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8004"), description="proxy-service, for challenges")
    allow_private_endpoints: bool = Field(
        default=False, description="whether a cat may live on this machine, over http; development only"
    )

    embeddings_url: str | None = Field(
        default=None,
        description="an OpenAI-compatible API (https://api.example.com/v1), or local for the model of the extra"
        " local-embeddings; without one, similar cats and search go by words alone",
    )
    embeddings_api_key: SecretStr | None = Field(default=None, description="what that API wants as a bearer token")
    embeddings_model: Annotated[str, Field(max_length=100)] = "text-embedding-3-small"
    embeddings_dimensions: Annotated[int, Field(ge=1, le=EMBEDDING_DIMENSIONS)] | None = Field(
        default=None, description=f"to ask for shorter vectors; a model with more than {EMBEDDING_DIMENSIONS} needs it"
    )

    @field_validator("embeddings_url")
    @classmethod
    def _an_address_or_local(cls, url: str | None) -> str | None:
        if url is not None and url != LOCAL:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("it is an http or https URL, or the word local")
            if parts.username or parts.password or parts.query or parts.fragment:
                raise ValueError("it has no user, password, query or fragment: the key is EMBEDDINGS_API_KEY")
        return url

    @model_validator(mode="after")
    def _private_endpoints_are_for_development(self) -> Self:
        if self.is_production and self.allow_private_endpoints:
            raise ValueError("ALLOW_PRIVATE_ENDPOINTS must not be set in production: cats could call into your network")
        return self

    def embedder(self) -> Embedder | None:
        """The model that EMBEDDINGS_URL names.

        Raises:
            ValueError: the local one is not installed.
        """
        key = self.embeddings_api_key
        return make_embedder(
            self.embeddings_url,
            model=self.embeddings_model,
            api_key=key.get_secret_value() if key else None,
            dimensions=self.embeddings_dimensions,
        )

    def outside_urls(self) -> OutsideUrlRules:
        """What an endpoint's URL may look like here."""
        return OutsideUrlRules(
            allow_private=self.allow_private_endpoints,
            own_ports=frozenset(self.port(service) for service in SERVICES),
        )
