"""A catalog of any size, the same for the same number: what lists and search are measured and explained on.

Words are as frequent as in a language (Zipf's law): the first is in most descriptions, thousands are in one.
"""

import json
import random
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Engine, text

from catalog_service.search_index.spelling import keys_of
from cathouse.schema import TIER_ENDS, PermissionType

SEED = 20261121
CATS_OF_A_DEVELOPER = 20

_AT_ONCE = 10_000
_SYLLABLES = ("ka", "mi", "to", "re", "su", "na", "lo", "vi", "pe", "du", "sha", "gri", "fel", "mau", "zo", "bri")
_MOST_INSTALLED = 5_000

_GIVEN = """
    CREATE TEMPORARY TABLE given (number int, id uuid, developer uuid, name text, description text, tags text,
        popularity int, kind text) ON COMMIT DROP"""

_INSERT = (
    # Since yesterday: catalog-service would look for the cats of developers who have just changed their names.
    """
        INSERT INTO cathouse.users (id, email, email_key, display_name, role, updated_at)
        SELECT DISTINCT developer, developer || '@example.com', developer || '@example.com', 'Developer ' || developer,
            'developer', now() - interval '1 day'
        FROM given""",
    """
        INSERT INTO cathouse.cats (id, developer_id, slug, name, description, version, endpoint_url, status, tags,
            signing_root, created_at)
        SELECT id, developer, 'cat-' || number, name, description, '1.0.0', 'https://cats.example.com/' || number,
            'published', string_to_array(tags, ' '), 'r1', now() - make_interval(secs => number)
        FROM given""",
    """
        INSERT INTO cathouse.cat_search (cat_id, document, words, documented_at, popularity, tier, tags,
            permission_types)
        SELECT id,
            setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', tags), 'B')
            || setweight(to_tsvector('simple', description), 'C') || setweight(to_tsvector('english', name), 'A')
            || setweight(to_tsvector('english', tags), 'B') || setweight(to_tsvector('english', description), 'C'),
            string_to_array(lower(name) || ' ' || description || ' ' || tags, ' '), now(), popularity,
            (SELECT count(*) FROM unnest(CAST(:tier_ends AS int[])) AS tier (end_) WHERE end_ < rank),
            string_to_array(tags, ' '), array_remove(ARRAY[kind], '')
        FROM (SELECT *, row_number() OVER (ORDER BY popularity DESC, id DESC) AS rank FROM given) AS ranked""",
    """
        INSERT INTO cathouse.releases (id, cat_id, version, endpoint_url, published_at)
        SELECT id, id, '1.0.0', 'https://cats.example.com/', now() FROM given""",
    """
        INSERT INTO cathouse.permissions (id, cat_id, permission_type, description, required)
        SELECT id, id, kind, 'To work.', true FROM given WHERE kind <> ''""",
    """
        INSERT INTO cathouse.release_permissions (release_id, permission_id, description, required)
        SELECT id, id, 'To work.', true FROM given WHERE kind <> ''""",
)


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
    """Put ``number`` cats into an empty catalog, as it is when catalog-service has nothing left to do in it."""
    counts: Counter[str] = Counter()
    with engine.begin() as connection:
        # Nothing is looked up for a row: what is referred to is there, and tiers are given.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(_GIVEN))
        _send(connection, "given", _rows(number, counts))
        for statement in _INSERT:
            connection.execute(text(statement), {"tier_ends": list(TIER_ENDS)} if ":tier_ends" in statement else {})
        words = ({"word": word, "cats": cats, "keys": keys_of(word)} for word, cats in counts.items())
        _send(connection, "cathouse.search_words", words)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _rows(number: int, counts: Counter[str]) -> Iterator[Mapping[str, object]]:
    """The cats as rows of ``given``; ``counts`` learns the words of each."""
    for cat in crowd(number):
        # These words have neither accents nor signs: ``words_of`` would find the same.
        counts.update({*cat.name.lower().split(), *cat.description.split(), *cat.tags})
        yield {
            "number": cat.number,
            "id": str(cat.id),
            "developer": str(cat.developer_id),
            "name": cat.name,
            "description": cat.description,
            "tags": " ".join(cat.tags),
            "popularity": cat.popularity,
            "kind": cat.permission,
        }


def _send(connection: Connection, table: str, rows: Iterator[Mapping[str, object]]) -> None:
    # As documents: COPY is not to be had where somebody has told psycopg2 how to wait.
    statement = text(f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, :rows)")  # noqa: S608 - ours
    while portion := list(islice(rows, _AT_ONCE)):
        connection.execute(statement, {"rows": json.dumps(portion)})
