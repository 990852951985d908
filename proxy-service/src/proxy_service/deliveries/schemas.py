"""Challenges as requests and answers."""

import uuid

from pydantic import BaseModel

from cathouse.web import RequestModel


class ChallengeRequest(RequestModel):
    """Which release is to prove that it answers."""

    release_id: uuid.UUID


class ChallengeResult(BaseModel):
    """Whether it did; ``cause`` says in plain words why not."""

    ok: bool
    status_code: int | None
    cause: str | None
