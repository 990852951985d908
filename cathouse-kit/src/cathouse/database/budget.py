"""How the one database's connections are divided among the services."""

from dataclasses import dataclass

DEFAULT_BUDGET = 9
"""Neon's free allotment is lived in with under ten connections; the tenth is for migrations."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process of a service may open: ``size`` kept, ``overflow`` on top under load."""

    size: int
    overflow: int

    @property
    def total(self) -> int:
        """The most connections at once."""
        return self.size + self.overflow


SHARES = {
    "auth": Share(2, 0),
    "catalog": Share(2, 1),
    "installation": Share(2, 1),
    "proxy": Share(1, 0),
}


def check_share(service: str, share: Share, *, replicas: int, budget: int) -> None:
    """Hold all services together to the budget, this one with its own ``share``, the others with their usual one.

    Raises:
        ValueError: saying how to divide it.
    """
    shares = {**SHARES, service: share}
    total = sum(each.total for each in shares.values()) * replicas
    if total <= budget:
        return
    divided = " + ".join(f"{name} {each.total}" for name, each in shares.items())
    raise ValueError(
        f"the services together would open {total} database connections ({divided}, times REPLICAS={replicas}), but"
        f" DB_CONNECTION_BUDGET is {budget}. Lower DB_POOL_SIZE or DB_MAX_OVERFLOW, run fewer replicas, connect through"
        " a pooler, or raise the budget to what your Postgres allows"
    )
