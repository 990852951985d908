"""The loop guard: what we sent out must not come back to us as a request of somebody's."""

from fastapi import Depends, Request

from proxy_service.egress.errors import LoopError
from proxy_service.egress.requests import LOOP_TOKEN


async def _refuse_loops(request: Request) -> None:
    """RFC 8586 section 2: a list of names, each of which may have parameters."""
    for line in request.headers.getlist("cdn-loop"):
        if any(each.split(";")[0].strip().lower() == LOOP_TOKEN for each in line.split(",")):
            raise LoopError


breaks_loops = Depends(_refuse_loops)
"""For ``dependencies=[…]`` of the routes that make calls to the outside."""
