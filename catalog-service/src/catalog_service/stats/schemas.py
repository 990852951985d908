"""Stats as answers."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field


class InstallationCounts(BaseModel):
    """How many there are by status."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    active: int = 0
    paused: int = 0
    uninstalled: int = 0


class DayView(BaseModel):
    """One day, in UTC."""

    model_config = ConfigDict(title="Day")

    date: dt.date
    interactions: int
    failures: int = Field(description="Those that the cat did not answer as it should; a player who left is none.")


class StatsView(BaseModel):
    """The last 30 days, oldest first; older interactions are not kept."""

    model_config = ConfigDict(title="Stats")

    installations: InstallationCounts
    days: list[DayView]
