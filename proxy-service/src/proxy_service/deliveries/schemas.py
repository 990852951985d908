"""Challenges and deliveries as requests and answers."""

import uuid

from pydantic import BaseModel, Field

from cathouse.schema import LifecycleEventType
from cathouse.web import GivenMoment, RequestModel


class ChallengeRequest(RequestModel):
    """Which release is to prove that it answers."""

    release_id: uuid.UUID


class ChallengeResult(BaseModel):
    """Whether it did; ``cause`` says in plain words why not."""

    ok: bool
    status_code: int | None
    cause: str | None


class DeliveryRequest(RequestModel):
    """What a cat is to be told about an installation."""

    event_id: uuid.UUID = Field(description="The same at every attempt: the webhook-id is made of it.")
    installation_id: uuid.UUID
    event: LifecycleEventType
    created_at: GivenMoment = Field(description="When it happened.")


class DeliveryResult(BaseModel):
    """What came of one attempt."""

    status_code: int | None = Field(description="What the cat answered, if it did.")
    proxy_error: str | None = Field(
        description="Why there is no usable answer: an error of RFC 9209, or `unknown_installation`, `cat_suspended`, "
        "`no_release` or what `retry_after_s` is about when nothing was sent."
    )
    duration_ms: int = Field(description="How long the cat took; 0 when nothing was sent.")
    acknowledged: bool = Field(description="Whether the cat answered with a 2xx.")
    give_up: bool = Field(description="Whether another attempt is of no use: a 410, or no such installation.")
    retry_after_s: int | None = Field(
        description="Set when the cat could not be tried at this moment: this was no attempt, come again after that."
    )
