"""Who is connected: each service against its share, everybody else in sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from cathouse.database.budget import Share
from cathouse.schema.ownership import SERVICES, role

# Behind a pooler the application's name may be missing or the pooler's own: then the login role tells whose it is.
# A role without pg_read_all_stats sees neither the state nor the type of other roles' backends.
_BACKENDS = text(
    """
    SELECT a.datname = current_database(), a.application_name, a.usename, a.state,
           extract(epoch FROM clock_timestamp() - a.xact_start),
           (SELECT min(g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
            WHERE m.member = a.usesysid AND g.rolname = ANY (:groups)),
           a.backend_type IS NULL
    FROM pg_stat_activity a
    WHERE coalesce(a.backend_type, 'client backend') = 'client backend' AND a.datid IS NOT NULL
      AND a.pid <> pg_backend_pid()
    """
)
_LIMITS = text("SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = ANY (:logins)")
_SERVER = text(
    "SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true)::int, 0)"
)


@dataclass(frozen=True, slots=True)
class ServiceConnections:
    """One service's connections to this database. ``share`` is what its processes may open together; ``limit`` is the
    CONNECTION LIMIT of its login role (none: no limit, or no such role); ``longest`` is the age of its oldest
    transaction in seconds.
    """

    service: str
    roles: Sequence[str]
    open: int
    active: int
    idle: int
    in_transaction: int
    longest: float | None
    share: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class ServerConnections:
    """All of them. ``others`` are in this database, ``elsewhere`` in the server's others; ``usable`` is what
    ``maximum`` leaves to ordinary roles; ``hidden`` are those whose state this role may not see.
    """

    services: Sequence[ServiceConnections]
    others: int
    elsewhere: int
    hidden: int
    maximum: int
    usable: int


@dataclass(frozen=True, slots=True)
class _Backend:
    here: bool
    service: str | None
    login: str
    state: str
    age: float | None


def count_connections(connection: Connection, *, shares: Mapping[str, Share], replicas: int) -> ServerConnections:
    """Count what is open now, but for the connection that asks. Each of ``replicas`` processes has its ``shares``."""
    groups = {role(service): service for service in SERVICES}
    rows = connection.execute(_BACKENDS, {"groups": list(groups)}).all()
    backends = [
        _Backend(
            here=bool(here),
            service=_service(application, groups.get(group)),
            login=str(login),
            state=state or "",
            age=None if age is None else float(age),
        )
        for here, application, login, state, age, group, _ in rows
    ]
    logins = {f"{role(service)}_login": service for service in SERVICES}
    found = connection.execute(_LIMITS, {"logins": list(logins)}).all()
    limits: dict[str, int] = {logins[login]: int(limit) for login, limit in found if limit >= 0}
    maximum, reserved = connection.execute(_SERVER).one()
    return ServerConnections(
        services=[
            _of_service(
                service,
                [each for each in backends if each.here and each.service == service],
                share=share.total * replicas,
                limit=limits.get(service),
            )
            for service, share in shares.items()
        ],
        others=sum(each.here and each.service is None for each in backends),
        elsewhere=sum(not each.here for each in backends),
        hidden=sum(bool(row[-1]) for row in rows),
        maximum=maximum,
        usable=maximum - reserved,
    )


def _service(application: str | None, by_role: str | None) -> str | None:
    named = (application or "").removeprefix("cathouse-")
    return named if named != application and named in SERVICES else by_role


def _of_service(service: str, backends: Sequence[_Backend], *, share: int, limit: int | None) -> ServiceConnections:
    return ServiceConnections(
        service=service,
        roles=sorted({each.login for each in backends}),
        open=len(backends),
        active=sum(each.state == "active" for each in backends),
        idle=sum(each.state == "idle" for each in backends),
        in_transaction=sum(each.state.startswith("idle in transaction") for each in backends),
        longest=max((each.age for each in backends if each.age is not None), default=None),
        share=share,
        limit=limit,
    )
