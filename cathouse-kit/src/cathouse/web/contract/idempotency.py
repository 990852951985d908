"""``Idempotency-Key``: a request that creates something may be sent again without creating it twice.

The answer is kept by ``cathouse.database.kept_answers``, in the transaction of what it tells of.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Header, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from cathouse.database import AnsweredBeforeError, KeptAnswer, KeyedRequest, accompanied_by
from cathouse.identity import fingerprints
from cathouse.web.contract.openapi import Additions, documented
from cathouse.web.contract.problems import problem_response

ResultT = TypeVar("ResultT")
ViewT = TypeVar("ViewT", bound=BaseModel)

_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="1 to 255 visible ASCII characters of your own, a UUID for instance. Sent again with the same key"
        " within 24 hours, the request is not done again: it gets the first one's answer.",
    ),
]


class OneAnswer:
    """What a route asks to create its object once for each ``Idempotency-Key``."""

    def __init__(self, request: Request, key: str | None) -> None:
        self._request = request
        self._key = key

    async def answer(
        self,
        principal: uuid.UUID,
        create: Callable[[], Awaitable[ResultT]],
        view_of: Callable[[ResultT], ViewT],
    ) -> ViewT:
        """The view of what ``create`` makes. ``principal`` is who asks: others' keys are other keys.

        With a key ``create`` is one unit of work, and ``view_of`` is given what the unit returns. The view is kept with
        the route's status, and holds no secret. Headers are not kept. Errors neither: what was refused can be tried
        again.

        Raises:
            AnsweredBeforeError: the same request was answered before; :func:`install_kept_answers` makes it the answer.
            IdempotencyKeyInUseError, IdempotencyKeyReusedError: nothing was made.
        """
        if self._key is None:
            return view_of(await create())
        views: list[ViewT] = []

        def body_of(result: Any) -> Any:  # noqa: ANN401 - what the unit returns, and JSON
            view = view_of(result)
            views.append(view)
            return view.model_dump(mode="json")

        keyed = await _keyed(self._request, principal, self._key)
        status = self._request.scope["route"].status_code or 200
        with accompanied_by(KeptAnswer(keyed, status=status, body_of=body_of)):
            await create()
        return views[-1]


@documented(
    Additions(
        responses={
            "409": problem_response(
                "`idempotency_key_in_use`: the first request with the key is still running; or another conflict."
            ),
            "422": problem_response(
                "`idempotency_key_reused`: the key was sent with another request; or the request is not valid."
            ),
        }
    )
)
async def _one_answer(request: Request, key: _Key = None) -> OneAnswer:
    return OneAnswer(request, key)


Once = Annotated[OneAnswer, Depends(_one_answer)]
"""For a POST that creates: ``return await once.answer(player.user_id, lambda: service.create(…), view)``."""


def install_kept_answers(app: FastAPI) -> None:
    """Answer a repeated request with what was answered before."""

    @app.exception_handler(AnsweredBeforeError)
    async def answer(_request: Request, before: AnsweredBeforeError) -> Response:
        return JSONResponse(before.body, status_code=before.status)


async def _keyed(request: Request, principal: uuid.UUID, key: str) -> KeyedRequest:
    scope = request.scope
    # As JSON, which has no line break in it: the body begins behind the first one, so nothing can be taken for another.
    target = json.dumps([request.method, scope["path"], scope["query_string"].decode("latin-1")])
    return KeyedRequest(
        service=request.state.service,
        principal=principal,
        route=f"{request.method} {scope['route'].path}",
        key=key,
        # Under a key: a body may hold secrets, and whoever reads the table must not be able to try guesses.
        fingerprints=fingerprints(request.state.caller_keys["auth"], target.encode() + b"\n" + await request.body()),
    )
