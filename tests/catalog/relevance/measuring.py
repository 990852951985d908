"""The relevance set: 591 cats, and questions as players type them with the cats that answer each.

The judgements were made by reading the descriptions, not by comparing words: 3 is what was wanted, 2 good, 1
acceptable.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_service.embeddings.service import EmbeddingService
from catalog_service.search.repository import Filters
from catalog_service.search.service import SearchService
from catalog_service.search_index import repository as search_index
from cathouse.database import Database, DatabaseSettings, DatabaseUrl
from cathouse.schema import Cat, CatSearch, Role, User
from tests.factories.accounts import user
from tests.fixtures.server import role_url

FOLDER = Path(__file__).parent
DEPTH = 10
"""How many results are looked at: the first half page."""

GOOD = 2


@dataclass(frozen=True)
class Question:
    """What somebody types, and the cats that answer it with their grades, by slug."""

    query: str
    kind: str
    relevant: Mapping[str, int]


@dataclass(frozen=True)
class Answer:
    """A question with the slugs that search gave, best first."""

    question: Question
    found: Sequence[str]

    @property
    def recall(self) -> float:
        """Which share of the cats that answer it is among the first ten; of more than ten, ten are all."""
        relevant = self.question.relevant
        return len([slug for slug in self.found if slug in relevant]) / min(len(relevant), DEPTH)

    @property
    def reciprocal_rank(self) -> float:
        """1 when the first result is good, 1/2 when the second is the first good one …; 0 when none is."""
        best = min(GOOD, *self.question.relevant.values())
        for position, slug in enumerate(self.found, start=1):
            if self.question.relevant.get(slug, 0) >= best:
                return 1 / position
        return 0.0


def read(name: str) -> list[dict[str, Any]]:
    """The lines of one of the set's files."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def questions() -> list[Question]:
    """All questions."""
    return [Question(**line) for line in read("queries")]


def catalog_database(url: DatabaseUrl) -> Database:
    """``url`` as catalog-service uses it."""
    address = SecretStr(role_url("catalog", url).for_libpq())
    return Database.from_settings(DatabaseSettings(_env_file=None, database_url=address), "catalog")


async def publish_all(engine: Engine, database: Database) -> None:
    """Fill an empty catalog with the set's cats; ids follow from the slugs, so that ties fall as they fell before."""
    cats = read("cats")
    ids = {cat["slug"]: uuid.uuid5(uuid.NAMESPACE_URL, cat["slug"]) for cat in cats}
    with engine.begin() as connection:
        developers = {name: uuid.uuid4() for name in sorted({cat["developer"] for cat in cats})}
        for name, developer_id in developers.items():
            person = user()
            row = {"id": developer_id, "display_name": name, "role": Role.DEVELOPER}
            connection.execute(insert(User).values(**row, email=person.email, email_key=person.email_key))
        connection.execute(
            insert(Cat),
            [
                {
                    "id": ids[cat["slug"]],
                    "developer_id": developers[cat["developer"]],
                    **{name: cat[name] for name in ("slug", "name", "description", "tags")},
                    "version": "1.0.0",
                    "endpoint_url": "https://cats.example.com/endpoint",
                    "signing_root": "r1",
                    "status": "published",
                }
                for cat in cats
            ],
        )

    async def refresh(session: AsyncSession) -> None:
        for cat in cats:
            await search_index.refresh(session, ids[cat["slug"]])
            popularity = {"popularity": cat["popularity"]}
            await session.execute(update(CatSearch).where(CatSearch.cat_id == ids[cat["slug"]]).values(popularity))

    await database.write(refresh)


async def vectors_made(embeddings: EmbeddingService) -> None:
    """Let every cat have its vector, if there is a model."""
    while await embeddings.catch_up() is not None:
        continue


async def ask(service: SearchService, question: Question) -> Answer:
    """What search gives for a question."""
    filters = Filters(search=question.query, tags=(), permission_type=None, developer_id=None, drafts=False)
    found = await service.find(filters, None, cursor=None, limit=DEPTH)
    return Answer(question, [row.slug for row in found.rows])


def table(answers: Sequence[Answer]) -> str:
    """The figures by kind of question, and over all, as a table for people."""
    kinds: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        kinds[answer.question.kind].append(answer)
    lines = ["| questions | number | recall@10 | MRR |", "| --- | ---: | ---: | ---: |"]
    for kind, some in [*sorted(kinds.items()), ("all", list(answers))]:
        recall = sum(answer.recall for answer in some) / len(some)
        rank = sum(answer.reciprocal_rank for answer in some) / len(some)
        lines.append(f"| {kind} | {len(some)} | {recall:.2f} | {rank:.2f} |")
    return "\n".join(lines)
