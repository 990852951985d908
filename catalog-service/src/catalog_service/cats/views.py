"""How much of a cat a caller sees."""

from catalog_service.cats.ownership import is_owner_or_admin
from catalog_service.cats.schemas import CatView, OwnedCatView
from cathouse.database import AnyRow
from cathouse.identity import Principal
from cathouse.web import view_of


def owned_cat_view(cat: AnyRow) -> OwnedCatView:
    """The cat for who may change it, which is its owner or an admin."""
    return view_of(OwnedCatView, cat)


def cat_view(cat: AnyRow, person: Principal | None) -> CatView | OwnedCatView:
    """The cat as ``person`` may see it: its endpoint is for its owner and admins only."""
    if is_owner_or_admin(cat, person):
        return owned_cat_view(cat)
    return view_of(CatView, cat)
