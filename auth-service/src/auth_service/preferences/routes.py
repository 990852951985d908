"""Preferences over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from auth_service.preferences.schemas import PreferencesChange, PreferencesView
from auth_service.preferences.service import PreferenceService
from cathouse.identity import CurrentPlayer
from cathouse.web import provided, view_of

router = APIRouter(prefix="/api/v1/users/me/preferences", tags=["preferences"])

Preferences = Annotated[PreferenceService, provided("preferences")]


@router.get("")
async def read_preferences(person: CurrentPlayer, preferences: Preferences) -> PreferencesView:
    """The caller's preferences."""
    return view_of(PreferencesView, await preferences.find(person.user_id))


@router.patch("")
async def change_preferences(
    person: CurrentPlayer, change: PreferencesChange, preferences: Preferences
) -> PreferencesView:
    """Change some of them; what is left out stays, also among the ways of communication."""
    return view_of(PreferencesView, await preferences.change(person.user_id, change))
