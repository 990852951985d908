"""What a role and an API key's scopes include."""

import datetime as dt
import uuid

import pytest

from cathouse.identity import Principal, Scope
from cathouse.identity.principal import pseudonym_of
from cathouse.schema import Role

NOW = dt.datetime.now(dt.UTC)
READ, WRITE, DEVELOPER = Scope


def person(role: Role = Role.PLAYER, scopes: frozenset[str] | None = None) -> Principal:
    return Principal(uuid.uuid4(), role, None, authenticated_at=NOW, expires_at=NOW, scopes=scopes)


@pytest.mark.parametrize(
    ("role", "included"),
    [
        (Role.PLAYER, {Role.PLAYER}),
        (Role.DEVELOPER, {Role.PLAYER, Role.DEVELOPER}),
        (Role.ADMIN, {Role.PLAYER, Role.DEVELOPER, Role.ADMIN}),
    ],
)
def test_a_role_includes_those_below(role: Role, included: set[Role]) -> None:
    assert {each for each in Role if person(role).has_role(each)} == included


@pytest.mark.parametrize(
    ("scopes", "included"),
    [
        (None, {None, READ, WRITE, DEVELOPER}),
        ((), set()),
        (("purring",), set()),
        ((READ,), {READ}),
        ((WRITE,), {READ, WRITE}),
        ((DEVELOPER,), {DEVELOPER}),
        ((READ, DEVELOPER), {READ, DEVELOPER}),
    ],
)
def test_a_log_in_may_do_all_and_a_key_what_it_lists(
    scopes: tuple[str, ...] | None, included: set[Scope | None]
) -> None:
    asking = person(scopes=None if scopes is None else frozenset(scopes))
    assert {each for each in (None, *Scope) if asking.has_scope(each)} == included


def test_a_person_is_called_the_same_in_every_line_and_by_no_part_of_the_id() -> None:
    assert pseudonym_of(uuid.UUID(int=1)) == "7c3ccd10bb7e"
