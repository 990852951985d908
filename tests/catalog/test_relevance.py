"""How well search finds, by the relevance set: a change of ranking is seen in these figures before it is shipped."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from catalog_service.embeddings.embedder import LocalEmbedder
from catalog_service.embeddings.service import EmbeddingService
from catalog_service.search.service import SearchService
from cathouse.database import DatabaseUrl
from tests.catalog.relevance.measuring import (
    Answer,
    ask,
    catalog_database,
    publish_all,
    questions,
    read,
    table,
    vectors_made,
)

PAGE = Path(__file__).parents[2] / "docs" / "search.md"


def test_the_set_is_large_enough_and_fits_together() -> None:
    slugs = {cat["slug"] for cat in read("cats")}
    asked = questions()
    assert len(slugs) >= 500
    assert len(asked) >= 60
    assert {slug for question in asked for slug in question.relevant} <= slugs
    assert all(set(question.relevant.values()) <= {1, 2, 3} for question in asked)


@pytest.mark.parametrize("by", ["words", "words and meaning"])
async def test_search_finds_as_well_as_the_page_says(
    clean_db: DatabaseUrl, owner_engine: Engine, figures: list[str], by: str
) -> None:
    database = catalog_database(clean_db)
    embeddings = EmbeddingService(database, LocalEmbedder() if by == "words and meaning" else None)
    await publish_all(owner_engine, database)
    await vectors_made(embeddings)
    service = SearchService(database, embeddings)
    answers: list[Answer] = [await ask(service, question) for question in questions()]
    await embeddings.close()
    await database.close()
    found = f"By {by}:\n\n{table(answers)}\n"
    figures.append(f"Search, {found[0].lower()}{found[1:]}")
    assert found in PAGE.read_text(), f"{PAGE.name} says something else; if this is better, put it there:\n{found}"
