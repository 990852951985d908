"""Models that turn texts into vectors: behind an OpenAI-compatible address, or a small one in this process."""

import asyncio
import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import httpx

from cathouse.schema import EMBEDDING_DIMENSIONS

LOCAL = "local"
"""As EMBEDDINGS_URL: the model of the extra ``local-embeddings``."""

_BIGGEST_ANSWER = 16 * 1024 * 1024

Vector = list[float]


class EmbeddingError(Exception):
    """No vectors came; the message says why and what to do, and holds neither a text nor a key."""


class Embedder(Protocol):
    """A model. Vectors of one ``model`` can be compared with one another, and with no others."""

    @property
    def model(self) -> str:
        """Its name, at most 120 characters."""

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> list[Vector]:
        """A vector of ``EMBEDDING_DIMENSIONS`` numbers for each of ``texts``.

        Raises:
            EmbeddingError
        """

    async def close(self) -> None:
        """Give back what is held."""


class HttpEmbedder:
    """A server that answers ``POST {url}/embeddings`` as OpenAI's does: theirs, and many that can be run."""

    def __init__(self, url: str, *, model: str, api_key: str | None, dimensions: int | None) -> None:
        """``dimensions`` is asked of models that can shorten their vectors."""
        self.model = model if dimensions is None else f"{model}/{dimensions}"
        self._asked = {"model": model, "encoding_format": "float"}
        self._dimensions = {} if dimensions is None else {"dimensions": dimensions}
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._address = f"{url.rstrip('/')}/embeddings"
        self._http = httpx.AsyncClient(headers=headers, follow_redirects=False)

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> list[Vector]:
        """See ``Embedder``."""
        body = {**self._asked, **self._dimensions, "input": list(texts)}
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._answer(body)
        except TimeoutError:
            raise EmbeddingError(f"{self._address} did not answer within {timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise EmbeddingError(f"{self._address} cannot be reached ({type(error).__name__})") from None
        return _vectors(answer, len(texts), address=self._address)

    async def close(self) -> None:
        """See ``Embedder``."""
        await self._http.aclose()

    async def _answer(self, body: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it is, it is looked at
        async with self._http.stream("POST", self._address, json=body, timeout=None) as answer:
            if answer.status_code != httpx.codes.OK:
                raise EmbeddingError(f"{self._address} answered {answer.status_code}{_advice(answer.status_code)}")
            content = bytearray()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _BIGGEST_ANSWER:
                    raise EmbeddingError(f"{self._address} answered with more than {_BIGGEST_ANSWER} bytes")
        try:
            return httpx.Response(200, content=bytes(content)).json()
        except (ValueError, RecursionError):
            raise EmbeddingError(f"{self._address} did not answer with JSON: is it an OpenAI-compatible API?") from None


def _advice(status: int) -> str:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return ": check EMBEDDINGS_API_KEY"
    if status == httpx.codes.NOT_FOUND:
        return ": check EMBEDDINGS_URL (it usually ends with /v1) and EMBEDDINGS_MODEL"
    if status in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY):
        return ": check EMBEDDINGS_MODEL, and leave EMBEDDINGS_DIMENSIONS out if the model cannot shorten its vectors"
    return ""


def _vectors(answer: Any, count: int, *, address: str) -> list[Vector]:  # noqa: ANN401 - whatever came
    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])
        vectors = [[float(number) for number in row["embedding"]] for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EmbeddingError(f"{address} answered with something else than vectors") from None
    if len(vectors) != count:
        raise EmbeddingError(f"{address} answered with {len(vectors)} vectors to {count} texts")
    return [_padded(vector, address=address) for vector in vectors]


def _padded(vector: Vector, *, address: str) -> Vector:
    if len(vector) > EMBEDDING_DIMENSIONS:
        raise EmbeddingError(
            f"{address} answers with {len(vector)} dimensions, and {EMBEDDING_DIMENSIONS} are kept: choose another"
            f" model, or set EMBEDDINGS_DIMENSIONS={EMBEDDING_DIMENSIONS} if this one can shorten its vectors"
        )
    if not vector or not all(math.isfinite(number) for number in vector) or not any(vector):
        raise EmbeddingError(f"{address} answered with a vector that points nowhere")
    return vector + [0.0] * (EMBEDDING_DIMENSIONS - len(vector))


class LocalEmbedder:
    """Static word vectors (WordLlama, 256 dimensions), which the package brings along: quick, and better than none.

    It is loaded with the first text: 84 MiB of memory with its libraries (measured).
    """

    model = "wordllama-l2-supercat-256"

    def __init__(self) -> None:
        """Nothing is loaded yet.

        Raises:
            ValueError: the extra is not installed.
        """
        try:
            self._package = import_module("wordllama")
        except ModuleNotFoundError:
            raise ValueError(
                "EMBEDDINGS_URL=local needs the extra: pip install './catalog-service[local-embeddings]'"
            ) from None
        self._loaded: Any = None
        self._loading = asyncio.Lock()

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> list[Vector]:
        """See ``Embedder``."""
        try:
            async with asyncio.timeout(timeout_s):
                async with self._loading:
                    if self._loaded is None:
                        self._loaded = await asyncio.to_thread(self._load)
                vectors = await asyncio.to_thread(self._loaded.embed, list(texts), norm=True)
        except TimeoutError:
            raise EmbeddingError(f"the local model did not answer within {timeout_s:g} s") from None
        return [_padded([float(number) for number in vector], address="the local model") for vector in vectors]

    async def close(self) -> None:
        """See ``Embedder``."""

    def _load(self) -> Any:  # noqa: ANN401 - the package has no types
        # Its own folder as the cache: there it looks for the tokenizer under the name that it has in the package.
        folder = Path(str(self._package.__file__)).parent
        return self._package.WordLlama.load(cache_dir=folder, disable_download=True)


def make_embedder(
    url: str | None, *, model: str, api_key: str | None = None, dimensions: int | None = None
) -> Embedder | None:
    """What EMBEDDINGS_URL names: an address, ``local``, or nothing.

    Raises:
        ValueError: ``local`` without its extra.
    """
    if not url:
        return None
    if url == LOCAL:
        return LocalEmbedder()
    return HttpEmbedder(url, model=model, api_key=api_key, dimensions=dimensions)
