"""Preferences over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter

from auth_service.preferences.schemas import PreferencesChange, PreferencesView
from auth_service.preferences.service import PreferenceService
from cathouse.identity import CurrentPlayer
from cathouse.web import provided

router = APIRouter(prefix="/api/v1/users/me/preferences", tags=["preferences"])

Preferences = Annotated[PreferenceService, provided("preferences")]


@router.get("", response_model=PreferencesView)
async def read_preferences(person: CurrentPlayer, preferences: Preferences) -> Any:  # noqa: ANN401 - a row, shaped by PreferencesView
    """The caller's preferences."""
    return await preferences.find(person.user_id)


@router.patch("", response_model=PreferencesView)
async def change_preferences(person: CurrentPlayer, change: PreferencesChange, preferences: Preferences) -> Any:  # noqa: ANN401 - a row, shaped by PreferencesView
    """Change some of them; what is left out stays, also among the ways of communication."""
    return await preferences.change(person.user_id, change)
