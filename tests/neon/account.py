"""What a Neon account remembers: projects, branches, computes, databases, operations.

Every answer begins as the one that Prism gives by Neon's document; only values that a test needs are changed in it.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PASSWORD = "npg_a-password-of-the-tests"
HOST = "eu-central-1.aws.neon.tech"
PAGE = 2
"""Things on a page of a list, however many were asked for: a server may always give fewer."""

Body = dict[str, Any]
Query = dict[str, str]


class NotThereError(Exception):
    """The path names something that the account does not have."""


@dataclass
class Account:
    """Its state; ``statuses`` are those that a new operation goes through, the last one stays."""

    statuses: list[str] = field(default_factory=lambda: ["finished"])
    projects: dict[str, Body] = field(default_factory=dict)
    branches: dict[str, Body] = field(default_factory=dict)
    computes: dict[str, Body] = field(default_factory=dict)
    databases: dict[str, list[Body]] = field(default_factory=dict)
    operations: dict[str, tuple[Body, list[str]]] = field(default_factory=dict)
    unavailable: list[str] = field(default_factory=list)
    """Projects that cannot be read in time."""
    uri: Callable[[Body], str] | None = None
    """The connection string of a branch, when a test wants one that leads somewhere."""

    def answer(self, method: str, path: str, query: Query, body: Body, example: Body) -> Body:
        """The example by Neon's document, with this account's values."""
        for wanted, pattern, handle in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and wanted == method:
                return {**example, **handle(self, found.groups(), query, body, example)}
        raise NotThereError(path)

    def named(self, name: str) -> list[Body]:
        """The branches called so."""
        return [branch for branch in self.branches.values() if branch["name"] == name]

    def _operations(self, example: Body) -> list[Body]:
        template = example["operations"][0]
        made = {**template, "id": str(uuid.uuid4()), "status": self.statuses[0]}
        self.operations[made["id"]] = (made, self.statuses[1:])
        return [made]

    def _one(self, things: dict[str, Body], id_: str) -> Body:
        if id_ not in things:
            raise NotThereError(id_)
        return things[id_]

    def _make_branch(self, template: Body, project_id: str, **values: Any) -> Body:
        unset = ("parent_id", "parent_lsn", "expires_at")
        kept = {name: value for name, value in template.items() if name not in unset}
        id_ = f"br-{uuid.uuid4().hex[:12]}"
        branch = {**kept, "id": id_, "project_id": project_id, **{k: v for k, v in values.items() if v is not None}}
        self.branches[id_] = branch
        self.databases[id_] = [dict(each) for each in self.databases.get(branch.get("parent_id", ""), [])]
        return branch

    def _make_compute(self, template: Body, branch_id: str) -> Body:
        id_ = f"ep-{uuid.uuid4().hex[:12]}"
        compute = {**template, "id": id_, "branch_id": branch_id, "host": f"{id_}.{HOST}", "type": "read_write"}
        self.computes[id_] = compute
        return compute


def _page(things: list[Body], query: Query, member: str, cursor: str) -> Body:
    """A page that begins after ``query['cursor']``; as with Neon's projects a cursor comes with the last one, too."""
    wanted = query.get("search", "")
    things = [each for each in things if wanted in each["name"] or wanted in each["id"]]
    ids = [each["id"] for each in things]
    start = ids.index(query["cursor"]) + 1 if "cursor" in query else 0
    page = things[start : start + min(PAGE, int(query["limit"]))]
    return {member: page, "pagination": {cursor: page[-1]["id"]} if page else {}}


def _list_projects(account: Account, _: Any, query: Query, __: Body, ___: Body) -> Body:
    page = _page(list(account.projects.values()), query, "projects", "cursor")
    return page | ({"unavailable_project_ids": account.unavailable} if account.unavailable else {})


def _create_project(account: Account, _: Any, __: Query, body: Body, example: Body) -> Body:
    wanted = body["project"]
    id_ = f"{wanted['name']}-{uuid.uuid4().hex[:8]}"
    project = {**example["project"], "id": id_, "name": wanted["name"]}
    account.projects[id_] = project
    branch = account._make_branch(example["branch"], id_, name=wanted["branch"]["name"], default=True)
    database = wanted["branch"]["database_name"]
    account.databases[branch["id"]] = [
        {**example["databases"][0], "branch_id": branch["id"], "name": database, "owner_name": f"{database}_owner"}
    ]
    account._make_compute(example["endpoints"][0], branch["id"])
    return {"project": project, "branch": branch, "operations": account._operations(example)}


def _read_project(account: Account, ids: Any, _: Query, __: Body, ___: Body) -> Body:
    return {"project": account._one(account.projects, ids[0])}


def _delete_project(account: Account, ids: Any, _: Query, __: Body, ___: Body) -> Body:
    account._one(account.projects, ids[0])
    return {"project": account.projects.pop(ids[0])}


def _list_branches(account: Account, ids: Any, query: Query, _: Body, __: Body) -> Body:
    account._one(account.projects, ids[0])
    things = [each for each in account.branches.values() if each["project_id"] == ids[0]]
    return _page(sorted(things, key=lambda each: str(each["name"])), query, "branches", "next")


def _create_branch(account: Account, ids: Any, _: Query, body: Body, example: Body) -> Body:
    account._one(account.projects, ids[0])
    wanted = body["branch"]
    default = next(each["id"] for each in account.branches.values() if each["project_id"] == ids[0] and each["default"])
    branch = account._make_branch(
        example["branch"],
        ids[0],
        name=wanted["name"],
        parent_id=wanted.get("parent_id") or default,
        expires_at=wanted.get("expires_at"),
        default=False,
    )
    computes = [account._make_compute(example["endpoints"][0], branch["id"]) for _each in body.get("endpoints", [])]
    return {"branch": branch, "endpoints": computes, "operations": account._operations(example)}


def _read_branch(account: Account, ids: Any, _: Query, __: Body, ___: Body) -> Body:
    return {"branch": account._one(account.branches, ids[1])}


def _delete_branch(account: Account, ids: Any, _: Query, __: Body, example: Body) -> Body:
    branch = account._one(account.branches, ids[1])
    del account.branches[ids[1]]
    return {"branch": branch, "operations": account._operations(example)}


def _restore_branch(account: Account, ids: Any, _: Query, body: Body, example: Body) -> Body:
    branch = account._one(account.branches, ids[1])
    account._one(account.branches, body["source_branch_id"])
    if body.get("preserve_under_name"):
        account._make_branch(branch, ids[0], name=body["preserve_under_name"], parent_id=branch["parent_id"])
    account.databases[ids[1]] = [dict(each) for each in account.databases[body["source_branch_id"]]]
    return {"branch": branch, "operations": account._operations(example)}


def _list_computes(account: Account, ids: Any, _: Query, __: Body, ___: Body) -> Body:
    wanted = {each["id"] for each in account.branches.values() if each["project_id"] == ids[0]} & set(
        ids[1:] or account.branches
    )
    return {"endpoints": [each for each in account.computes.values() if each["branch_id"] in wanted]}


def _create_compute(account: Account, _: Any, __: Query, body: Body, example: Body) -> Body:
    branch = account._one(account.branches, body["endpoint"]["branch_id"])
    made = account._make_compute(example["endpoint"], branch["id"])
    return {"endpoint": made, "operations": account._operations(example)}


def _list_databases(account: Account, ids: Any, _: Query, __: Body, ___: Body) -> Body:
    return {"databases": account.databases[ids[1]]}


def _create_database(account: Account, ids: Any, _: Query, body: Body, example: Body) -> Body:
    made = {**example["database"], "branch_id": ids[1], **body["database"]}
    account.databases[ids[1]].append(made)
    return {"database": made, "operations": account._operations(example)}


def _list_roles(_: Account, __: Any, ___: Query, ____: Body, example: Body) -> Body:
    template = example["roles"][0]
    names = (("cloud_admin", True), ("cathouse_owner", False))
    return {"roles": [{**template, "name": name, "protected": protected} for name, protected in names]}


def _connection_uri(account: Account, _: Any, query: Query, __: Body, ___: Body) -> Body:
    branch = account._one(account.branches, query["branch_id"])
    if account.uri is not None:
        return {"uri": account.uri(branch)}
    compute = next(each for each in account.computes.values() if each["branch_id"] == branch["id"])
    host = f"{compute['id']}{'-pooler' if query['pooled'] == 'true' else ''}.{HOST}"
    role, database = query["role_name"], query["database_name"]
    return {"uri": f"postgresql://{role}:{PASSWORD}@{host}/{database}?sslmode=require&channel_binding=require"}


def _read_operation(account: Account, ids: Any, _: Query, __: Body, ___: Body) -> Body:
    if ids[1] not in account.operations:
        raise NotThereError(ids[1])
    operation, coming = account.operations[ids[1]]
    if coming:
        operation["status"] = coming.pop(0)
    if operation["status"] == "failed":
        operation["error"] = "no\nroom"
    return {"operation": operation}


_PROJECT = r"/projects/([^/]+)"
_BRANCH = _PROJECT + r"/branches/([^/]+)"

_ROUTES: tuple[tuple[str, str, Callable[[Account, Any, Query, Body, Body], Body]], ...] = (
    ("GET", r"/projects", _list_projects),
    ("POST", r"/projects", _create_project),
    ("GET", _PROJECT, _read_project),
    ("DELETE", _PROJECT, _delete_project),
    ("GET", _PROJECT + "/branches", _list_branches),
    ("POST", _PROJECT + "/branches", _create_branch),
    ("GET", _BRANCH, _read_branch),
    ("DELETE", _BRANCH, _delete_branch),
    ("POST", _BRANCH + "/restore", _restore_branch),
    ("GET", _PROJECT + "/endpoints", _list_computes),
    ("POST", _PROJECT + "/endpoints", _create_compute),
    ("GET", _BRANCH + "/endpoints", _list_computes),
    ("GET", _BRANCH + "/databases", _list_databases),
    ("POST", _BRANCH + "/databases", _create_database),
    ("GET", _BRANCH + "/roles", _list_roles),
    ("GET", _PROJECT + "/connection_uri", _connection_uri),
    ("GET", _PROJECT + r"/operations/([^/]+)", _read_operation),
)
