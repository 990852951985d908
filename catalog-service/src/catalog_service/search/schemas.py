"""What can be asked of the catalog."""

import enum


class Sort(enum.StrEnum):
    """The order of a list of cats."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    NAME = "name"
