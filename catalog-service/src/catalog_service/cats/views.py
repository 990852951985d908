"""How much of a cat a caller sees."""

from catalog_service.cats.ownership import is_owner_or_admin
from catalog_service.cats.schemas import CatView, OwnedCatView
from cathouse.database import AnyRow
from cathouse.identity import Principal


def owned_cat_view(cat: AnyRow) -> OwnedCatView:
    """The cat for who may change it, which is its owner or an admin."""
    return OwnedCatView.model_validate(dict(cat._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it


def cat_view(cat: AnyRow, person: Principal | None) -> CatView | OwnedCatView:
    """The cat as ``person`` may see it: its endpoint is for its owner and admins only."""
    if is_owner_or_admin(cat, person):
        return owned_cat_view(cat)
    return CatView.model_validate(dict(cat._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
