"""How a route gets what its service made at start-up."""

from typing import Any

from fastapi import Depends, Request


def provided(name: str) -> Any:  # noqa: ANN401 - a Depends, for Annotated[…]
    """Ask for what the lifespan put into ``request.state`` under ``name``.

    Used beside the type: ``Annotated[CatService, provided("cats")]``.
    """

    async def take(request: Request) -> Any:  # noqa: ANN401 - the annotation beside it says what it is
        return getattr(request.state, name)

    return Depends(take)
