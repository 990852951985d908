"""All SQL that finds cats: the pages of lists, what is counted beside them, the look-up of misspelt words."""

from catalog_service.search.repository.candidates import ENOUGH, FEW
from catalog_service.search.repository.facets import MOST_COUNTED, count_facets, count_tags
from catalog_service.search.repository.forms import Filters, Meaning
from catalog_service.search.repository.pages import find_cats
from catalog_service.search.repository.relevance import HAS_ALL
from catalog_service.search.repository.words import look_up

__all__ = [
    "ENOUGH",
    "FEW",
    "HAS_ALL",
    "MOST_COUNTED",
    "Filters",
    "Meaning",
    "count_facets",
    "count_tags",
    "find_cats",
    "look_up",
]
