"""Similar cats as an answer."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from catalog_service.cats.schemas import CatView, OwnedCatView

Basis = Literal["meaning", "text"]


class SimilarCats(BaseModel):
    """The most similar cats first."""

    items: Sequence[OwnedCatView | CatView]
    basis: Basis = Field(description="What they were compared by: what their texts mean, or their words and tags.")
