"""How much may be under way at once: for an installation, for a cat, in all."""

import uuid
from collections import Counter

from cathouse.web import wait_for_others
from proxy_service.egress.errors import CatBusyError, HouseBusyError, InstallationBusyError


class Shares:
    """Counts what is under way, of one kind of calls, and refuses what is too much.

    Nobody waits in a line here: a cat that hangs must not gather callers.
    """

    def __init__(self, *, cat: int, total: int, installation: int | None = None) -> None:
        """How many at once for each cat, of all together, and for each installation (None: not counted)."""
        self._most_for_installation = installation
        self._most_for_cat = cat
        self._most = total
        self._installations: Counter[uuid.UUID] = Counter()
        self._cats: Counter[uuid.UUID] = Counter()
        self.under_way = 0

    def hold(self, cat_id: uuid.UUID, installation_id: uuid.UUID | None = None) -> "Place":
        """Have a place from now until the block is left, or the place released.

        Raises:
            InstallationBusyError, CatBusyError, HouseBusyError: there is none.
        """
        most = self._most_for_installation
        counted = [(self._cats, cat_id)]
        if most is not None and installation_id is not None:
            if self._installations.get(installation_id, 0) >= most:
                raise InstallationBusyError(most)
            counted.append((self._installations, installation_id))
        if self._cats.get(cat_id, 0) >= self._most_for_cat:
            raise CatBusyError
        if self.under_way >= self._most:
            raise HouseBusyError
        self.under_way += 1
        for counter, key in counted:
            counter[key] += 1
        return Place(self, counted)


class Place:
    """What one call takes up."""

    def __init__(self, shares: Shares, counted: list[tuple[Counter[uuid.UUID], uuid.UUID]]) -> None:
        self._shares = shares
        self._counted = counted
        # It is counted here: those who wait for cats must not close the service to everybody else.
        self._come_back = wait_for_others()

    def __enter__(self) -> None:
        """It is taken already."""

    def __exit__(self, *_: object) -> None:
        """Release it."""
        self.release()

    def release(self) -> None:
        """Let somebody else have it. To be called once."""
        self._come_back()
        self._shares.under_way -= 1
        for counter, key in self._counted:
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
