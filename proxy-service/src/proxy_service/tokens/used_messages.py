"""Which signed messages were answered: each counts once."""

import hashlib
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable

REMEMBERED_S = 600.0
"""A signature holds from five minutes before its time to five minutes after it (Standard Webhooks)."""

MOST = 100_000
"""Messages, some 15 MB. Beyond that the oldest are forgotten: an installation sends 600 in that time at most."""


class UsedMessages:
    """Remembers messages by cat and webhook-id. Each process has its own: a replica may answer one once more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most: int = MOST) -> None:
        """``clock`` gives seconds that only go forward."""
        self._clock = clock
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def is_used(self, cat_id: uuid.UUID, message_id: str) -> bool:
        """Whether it was answered within ten minutes."""
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        return _key(cat_id, message_id) in self._until

    def use(self, cat_id: uuid.UUID, message_id: str) -> bool:
        """Remember it from now on; false when somebody else was quicker."""
        if self.is_used(cat_id, message_id):
            return False
        self._until[_key(cat_id, message_id)] = self._clock() + REMEMBERED_S
        if len(self._until) > self._most:
            self._until.popitem(last=False)
        return True


def _key(cat_id: uuid.UUID, message_id: str) -> bytes:
    # As long for a long id as for a short one.
    return hashlib.sha256(cat_id.bytes + message_id.encode("utf-8", "replace")).digest()
