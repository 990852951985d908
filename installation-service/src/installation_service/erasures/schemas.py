"""Erasures as requests."""

import uuid

from cathouse.web import RequestModel


class ErasureRequest(RequestModel):
    """Whom to forget. Somebody of whom nothing is here is no error."""

    user_id: uuid.UUID
