"""How the one database's connections are divided among the services."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_BUDGET = 9
"""All services together stay under ten connections, so that they fit Neon's free plan; the tenth is for migrations."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process of a service may open: ``size`` kept, ``overflow`` on top under load."""

    size: int
    overflow: int

    @property
    def total(self) -> int:
        """The most connections at once."""
        return self.size + self.overflow

    def __str__(self) -> str:
        return f"{self.size}+{self.overflow}" if self.overflow else str(self.size)


SHARES = {
    "auth": Share(2, 0),
    "catalog": Share(3, 0),
    "installation": Share(3, 0),
    "proxy": Share(1, 0),
}
"""All of them kept: under load one on top would be opened and closed all the time (docs/performance.md)."""

_SHARE = re.compile(r"^(?P<service>[a-z]+)=(?P<size>[1-9]\d?)(\+(?P<overflow>\d{1,2}))?$")


def parse_shares(text: str) -> dict[str, Share]:
    """Every service's share: the usual ones, but for those that ``text`` names, as in ``auth=3 catalog=2+2``.

    Raises:
        ValueError: saying how a share is written.
    """
    shares = dict(SHARES)
    for word in text.replace(",", " ").split():
        found = _SHARE.match(word)
        if found is None or found["service"] not in SHARES:
            raise ValueError(
                f"{word!r} is no share: expected SERVICE=KEPT or SERVICE=KEPT+OVERFLOW, for {', '.join(SHARES)}"
            )
        shares[found["service"]] = Share(int(found["size"]), int(found["overflow"] or 0))
    return shares


def check_budget(shares: Mapping[str, Share], *, replicas: int, budget: int) -> None:
    """Hold all processes of all services together to the budget.

    Raises:
        ValueError: saying how to divide it.
    """
    total = sum(share.total for share in shares.values()) * replicas
    if total <= budget:
        return
    divided = " + ".join(f"{name} {share.total}" for name, share in shares.items())
    raise ValueError(
        f"the services together would open {total} database connections ({divided}, times REPLICAS={replicas}), but"
        f" DB_CONNECTION_BUDGET is {budget}. {_advice(replicas, budget)}, connect through a pooler, or raise the budget"
        " to what your Postgres allows"
    )


def divide(connections: int) -> dict[str, Share] | None:
    """Shares that use at most ``connections`` together; None when not every service would get one.

    Those who need a second connection most come first: the usual shares are 2, 3, 3 and 1 out of nine.
    """
    if connections < len(SHARES):
        return None
    totals = dict.fromkeys(SHARES, 1)
    turns = itertools.cycle(("catalog", "installation", "auth"))
    for _ in range(connections - len(SHARES)):
        totals[next(turns)] += 1
    return {service: Share(total, 0) for service, total in totals.items()}


def _advice(replicas: int, budget: int) -> str:
    divided = divide(budget // replicas)
    if divided is None:
        return f"Run at most {budget // len(SHARES)} replicas of each"
    written = " ".join(f"{service}={share}" for service, share in divided.items())
    return f'Divide it, for example DB_SHARES="{written}" for all services alike'
