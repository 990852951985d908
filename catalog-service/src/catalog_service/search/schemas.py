"""What can be asked of the catalog, and what is counted."""

import enum
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from catalog_service.cats.schemas import CatView, OwnedCatView
from cathouse.web import Page


class Sort(enum.StrEnum):
    """The order of a list of cats."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    POPULAR = "popular"
    NAME = "name"


class Count(BaseModel):
    """How many published cats have a tag, or ask for a permission."""

    value: str
    count: int


class Facets(BaseModel):
    """Of the cats that were found, not of the page alone; the most frequent first.

    When very many are found they are counted among the most popular of them: at least 250, at most some thousands.
    """

    counted: int = Field(description="How many cats were looked at: all that were found, when they are not very many.")
    tags: Sequence[Count] = Field(description="The 50 most frequent ones.")
    permission_types: Sequence[Count]


class CatPage(Page[OwnedCatView | CatView]):
    """A page of the catalog."""


class FacetedPage(CatPage):
    """A page of the catalog with ``facets=true``."""

    model_config = ConfigDict(title="FacetedCatPage")

    facets: Facets
