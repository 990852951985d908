"""External calls over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Request

from cathouse.identity import CallingCat
from cathouse.web import provided
from proxy_service.disconnects import unless_client_leaves
from proxy_service.external.schemas import ExternalAnswer, ExternalCall
from proxy_service.external.service import ExternalService
from proxy_service.loop_guard import breaks_loops

router = APIRouter(tags=["external calls (for cats)"])


@router.post("/api/v1/cat/external", dependencies=[breaks_loops])
async def call_outside(
    wanted: ExternalCall,
    cat: CallingCat,
    request: Request,
    external: Annotated[ExternalService, provided("external")],
) -> ExternalAnswer:
    """Call a host that the release declares in `egress_hosts`, as far as the player granted `external_api`.

    The host's own status, 3xx, 4xx and 5xx included, is in the answer. A secret's value is added on the way out, in the
    header that the release declares; should the host send it back, `[secret removed]` stands in its place.
    """
    return await unless_client_leaves(request, external.call(cat, wanted))
