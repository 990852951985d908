"""Vectors of the published cats: made beside the requests, and caught up with after an outage."""

import uuid
from collections import OrderedDict

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.embeddings import repository
from catalog_service.embeddings.embedder import Embedder, EmbeddingError, Vector
from cathouse.database import Database, Worker, write_portions
from cathouse.database.worker import LOOK_AGAIN_S

_AT_ONCE = 32
"""Texts of one request: what fails is asked for again, so it is not too much at once."""

_TIMEOUT_S = 30.0

_FIRST_PAUSE_S = 1.0

_QUESTION_TIMEOUT_S = 1.0
"""What a search waits for the meaning of its question; then it does without."""

_QUESTIONS_KEPT = 256

_logger = structlog.get_logger(__name__)


class EmbeddingService:
    """Keeps a vector of each published cat's text. Without an ``embedder`` none is made, and nothing is asked."""

    def __init__(self, database: Database, embedder: Embedder | None) -> None:
        self._database = database
        self._embedder = embedder
        self._others_are_gone = False
        self._pause_s = 0.0
        self._at_once = _AT_ONCE
        self._after: uuid.UUID | None = None
        self._questions: OrderedDict[str, Vector] = OrderedDict()
        self.worker = Worker("embeddings", self.catch_up, database.idleness)

    @property
    def model(self) -> str | None:
        """Whose vectors are made; None when none are."""
        return self._embedder.model if self._embedder else None

    def start(self) -> None:
        """Begin with what an outage, or another model, left to do."""
        if self._embedder is not None:
            self.worker.start()

    async def close(self) -> None:
        """Stop; what is missing is found again by the next process."""
        await self.worker.close()
        if self._embedder is not None:
            await self._embedder.close()

    def wake(self) -> None:
        """A text may have changed."""
        self.worker.wake()

    async def meaning_of(self, question: str) -> Vector | None:
        """The vector of what somebody searches; None when there is none in time."""
        if self._embedder is None:
            return None
        if question in self._questions:
            self._questions.move_to_end(question)
            return self._questions[question]
        try:
            (vector,) = await self._embedder.embed([question], timeout_s=_QUESTION_TIMEOUT_S)
        except EmbeddingError as error:
            _logger.warning("search.without_meaning", cause=str(error))
            return None
        self._questions[question] = vector
        if len(self._questions) > _QUESTIONS_KEPT:
            self._questions.popitem(last=False)
        return vector

    async def catch_up(self) -> float | None:
        """Make the vectors of some texts, and return after how many seconds to go on; None when none is missing.

        A model that is away is asked again later, after a pause that doubles, and for half as much: at last for one
        text, which is passed over until the others are done. So no text keeps others from having their vectors.
        """
        embedder = self._embedder
        if embedder is None:
            return None
        if not self._others_are_gone:
            await write_portions(self._database, lambda session: repository.drop_others(session, model=embedder.model))
            self._others_are_gone = True
        after, limit = self._after, self._at_once
        cats = await self._database.read(lambda session: repository.next_texts(session, after=after, limit=limit))
        if not cats:
            passed_over, self._after = after is not None, None
            return self._pause_s if passed_over else None
        texts = [f"{cat.name}\n{cat.description}\n{', '.join(cat.tags)}" for cat in cats]
        try:
            vectors = await embedder.embed(texts, timeout_s=_TIMEOUT_S)
        except EmbeddingError as error:
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), LOOK_AGAIN_S)
            if len(cats) == 1:
                self._after = cats[0].id
            self._at_once = max(len(cats) // 2, 1)
            _logger.warning("embeddings.failed", cats=len(cats), cause=str(error), retry_in_s=self._pause_s)
            return self._pause_s
        self._pause_s = 0.0
        self._at_once = min(2 * self._at_once, _AT_ONCE)

        async def keep(session: AsyncSession) -> None:
            for cat, vector in zip(cats, vectors, strict=True):
                await repository.keep(session, cat, vector, model=embedder.model)

        await self._database.write(keep)
        _logger.info("embeddings.made", cats=len(cats), model=embedder.model)
        return 0
