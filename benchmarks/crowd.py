"""A catalog of any size, the same for the same number: what lists and search are measured and explained on.

Words are as frequent as in a language (Zipf's law): the first is in most descriptions, thousands are in one.
"""

import random
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, text

from catalog_service.search.spelling import is_kept, keys_of
from cathouse.schema import PermissionType, Role, SearchWord, words_of

SEED = 20261121
CATS_OF_A_DEVELOPER = 20

_AT_ONCE = 2_000
_SYLLABLES = ("ka", "mi", "to", "re", "su", "na", "lo", "vi", "pe", "du", "sha", "gri", "fel", "mau", "zo", "bri")
_MOST_INSTALLED = 5_000

_INSERT = {
    "cats": """
        INSERT INTO cathouse.cats (id, developer_id, slug, name, description, version, endpoint_url, status, tags,
            signing_root, created_at)
        SELECT id, developer, 'cat-' || number, name, description, '1.0.0', 'https://cats.example.com/' || number,
            'published', string_to_array(tags, ' '), 'r1', now() - make_interval(secs => number)
        FROM unnest(:ids ::uuid[], :developers ::uuid[], :numbers, :names, :descriptions, :tags)
            AS given (id, developer, number, name, description, tags)""",
    "cat_search": """
        INSERT INTO cathouse.cat_search (cat_id, document, words, documented_at, popularity)
        SELECT id,
            setweight(to_tsvector('simple', name_words), 'A') || setweight(to_tsvector('simple', tags), 'B')
            || setweight(to_tsvector('simple', words), 'C') || setweight(to_tsvector('english', name_words), 'A')
            || setweight(to_tsvector('english', tags), 'B') || setweight(to_tsvector('english', words), 'C'),
            string_to_array(name_words || ' ' || words || ' ' || tags, ' '), now(), popularity
        FROM unnest(:ids ::uuid[], :name_words, :words, :tags, :popularities)
            AS given (id, name_words, words, tags, popularity)""",
    "releases": """
        INSERT INTO cathouse.releases (id, cat_id, version, endpoint_url, published_at)
        SELECT id, id, '1.0.0', 'https://cats.example.com/', now() FROM unnest(:ids ::uuid[]) AS given (id)""",
    "permissions": """
        INSERT INTO cathouse.permissions (id, cat_id, permission_type, description, required)
        SELECT id, id, kind, 'To work.', true
        FROM unnest(:ids ::uuid[], :kinds) AS given (id, kind) WHERE kind <> ''""",
    "release_permissions": """
        INSERT INTO cathouse.release_permissions (release_id, permission_id, description, required)
        SELECT id, id, 'To work.', true FROM unnest(:ids ::uuid[], :kinds) AS given (id, kind) WHERE kind <> ''""",
}


@dataclass(frozen=True, slots=True)
class CrowdCat:
    """One of the cats; ``number`` counts from 0, the newest first."""

    number: int
    id: uuid.UUID
    developer_id: uuid.UUID
    name: str
    description: str
    tags: Sequence[str]
    popularity: int
    permission: str


def vocabulary(size: int) -> list[str]:
    """Words that nobody knows, the most frequent first."""
    chance, words = random.Random(SEED), dict[str, None]()
    while len(words) < size:
        words["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(words)


def crowd(number: int) -> Iterator[CrowdCat]:
    """The first ``number`` cats."""
    chance = random.Random(SEED)
    words = vocabulary(20_000)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    cumulated = [sum(weights[:1])]
    for weight in weights[1:]:
        cumulated.append(cumulated[-1] + weight)
    tags = words[100:300]
    kinds = ["", *(kind.value for kind in PermissionType)]
    for each in range(number):
        yield CrowdCat(
            number=each,
            id=uuid.UUID(int=chance.getrandbits(128), version=4),
            developer_id=uuid.UUID(int=each // CATS_OF_A_DEVELOPER + 1),
            name=" ".join(word.title() for word in chance.choices(words[50:], k=2)) + f" {each}",
            description=" ".join(chance.choices(words, cum_weights=cumulated, k=25)),
            tags=sorted(set(chance.choices(tags, k=3))),
            popularity=int(_MOST_INSTALLED / (chance.random() * _MOST_INSTALLED + 1)),
            permission=chance.choice(kinds),
        )


def fill(engine: Engine, number: int) -> None:
    """Put ``number`` cats into an empty catalog, and let Postgres look at them."""
    counts: Counter[str] = Counter()
    with engine.begin() as connection:
        portion: list[CrowdCat] = []
        for cat in crowd(number):
            portion.append(cat)
            if len(portion) == _AT_ONCE:
                counts.update(_put(connection, portion))
                portion = []
        if portion:
            counts.update(_put(connection, portion))
        rows = [{"word": word, "cats": cats, "keys": keys_of(word)} for word, cats in counts.items() if is_kept(word)]
        for start in range(0, len(rows), _AT_ONCE):
            connection.execute(insert(SearchWord), rows[start : start + _AT_ONCE])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _put(connection: Connection, cats: Sequence[CrowdCat]) -> list[str]:
    """Insert some, and return every word of each."""
    developers = {cat.developer_id for cat in cats}
    connection.execute(
        text(
            # Since yesterday: catalog-service would look for the cats of developers who have just changed their names.
            "INSERT INTO cathouse.users (id, email, email_key, display_name, role, updated_at)"
            " SELECT id, id || '@example.com', id || '@example.com', 'Developer ' || id, :role,"
            " now() - interval '1 day' FROM unnest(:ids ::uuid[]) AS given (id)"
            " ON CONFLICT DO NOTHING"
        ),
        {"ids": [str(each) for each in developers], "role": Role.DEVELOPER.value},
    )
    name_words = [words_of(cat.name) for cat in cats]
    words = [words_of(cat.description) for cat in cats]
    values = {
        "ids": [str(cat.id) for cat in cats],
        "developers": [str(cat.developer_id) for cat in cats],
        "numbers": [cat.number for cat in cats],
        "names": [cat.name for cat in cats],
        "descriptions": [cat.description for cat in cats],
        "tags": [" ".join(cat.tags) for cat in cats],
        "popularities": [cat.popularity for cat in cats],
        "kinds": [cat.permission for cat in cats],
        "name_words": [" ".join(each) for each in name_words],
        "words": [" ".join(each) for each in words],
    }
    for statement in _INSERT.values():
        wanted = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(text(statement), wanted)
    return [
        word
        for cat, name, description in zip(cats, name_words, words, strict=True)
        for word in {*name, *description, *cat.tags}
    ]
