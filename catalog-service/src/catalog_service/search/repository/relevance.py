"""The order by relevance."""

from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, func, literal_column, select, union_all

from catalog_service.search.repository.candidates import called_so, distance, has, model, others_of, tiers_of
from catalog_service.search.repository.forms import Form
from catalog_service.search.repository.questions import Question
from cathouse.database import AnySelect
from cathouse.schema import CatSearch

_WEIGHTS = (0.1, 0.2, 0.4, 1.0)
"""Of a word in the developer's name, the description, the tags and the cat's name: Postgres's D, C, B, A."""

MEANT = 1.0
"""What the likeness of meanings, 0 to 1, weighs beside the ranks of the words."""

HAS_ALL = 4
"""More than all ranks together can be: who has all words, and who is called so, comes first."""

_LIKED = 0.02
"""What living installations add to a rank: 2 % for each power of e."""


def scored(form: Form) -> AnySelect:
    """The cats that are found, each with how well it fits as its ``sort_key``."""
    question = Question.of(form)
    score = _score(form, question)
    has_all = case((has(question.every), HAS_ALL), else_=0)
    tiers = tiers_of(form, question, ((score + HAS_ALL).label("score"),))
    sources = [
        *(select(tier) for tier in tiers),
        *others_of(form, question, ((score + has_all).label("score"),), tiers),
        # Who is called exactly so is among them, however many have the words and however few have installed it.
        called_so(form, ((score + has_all + HAS_ALL).label("score"),)),
    ]
    each = union_all(*sources).subquery("each")
    found = select(cast(func.max(each.c.score), Float(53)).label("sort_key"), each.c.cat_id)
    return select(found.group_by(each.c.cat_id).subquery("found"))


def _score(form: Form, question: Question) -> ColumnElement[Any]:
    weights: ColumnElement[Any] = literal_column(f"'{{{', '.join(map(str, _WEIGHTS))}}}'::real[]")
    ranks = (
        weight * func.ts_rank(weights, CatSearch.document, query)
        for weight, query in zip(question.weights, question.queries, strict=True)
    )
    score: ColumnElement[Any] = reduce(add, ranks) * (1 + _LIKED * func.ln(1 + CatSearch.popularity))
    if form.by_meaning:
        likeness = func.greatest(1 - distance(), 0)
        score += case((CatSearch.embedding_model == model(), MEANT * likeness), else_=0)
    return score
