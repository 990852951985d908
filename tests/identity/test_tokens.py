"""What makes a token good, to the second and to the claim: each rule by itself, without a service around it."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey
from joserfc.jws import JWSRegistry, serialize_compact

from cathouse.identity import (
    AccessTokenVerifier,
    CallbackToken,
    InvalidTokenError,
    KeyUse,
    Principal,
    access_tokens,
    callback_tokens,
    compact,
    derive,
    issue_callback_token,
    issue_service_token,
    parse_roots,
    read_callback_token,
    service_tokens,
    verify_service_token,
)
from cathouse.identity.compact import LONGEST_TOKEN, read_claims, read_header, sign
from cathouse.schema import PermissionType, Role
from tests.auth.tokens import claims_of, encode

NOW = 1_800_000_000
ISSUER = "https://auth.example"

ROOTS = parse_roots("r1:0123456789abcdefghijklmnopqrstuvwxyz")
CALLBACKS, CALLS = derive(ROOTS, KeyUse.CALLBACK_TOKENS), derive(ROOTS, KeyUse.PROXY_TO_INSTALLATION)
KEY = ECKey.generate_key("P-256", private=True)


@dataclass
class Clock:
    """What every token's time is measured by."""

    now: float = NOW

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (access_tokens, callback_tokens, compact, service_tokens):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=clock.time))
    return clock


def read(algorithm: str = "HS256", typ: str = "x+jwt", **claims: Any) -> dict[str, Any]:
    """What is read from a token that may live for ten seconds."""
    key = OctKey.import_key(CALLS.current[1])
    token = sign({"iat": NOW, "exp": NOW + 10, **claims}, key, algorithm="HS256", typ="x+jwt", kid="r1")
    return read_claims(token, key, algorithm=algorithm, typ=typ, longest_life_s=10)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"iat": NOW - 39, "exp": NOW - 29}, {"iat": NOW - 40, "exp": NOW - 30}),
        ({"iat": NOW + 30, "exp": NOW + 40}, {"iat": NOW + 31, "exp": NOW + 41}),
        ({"exp": NOW + 10}, {"exp": NOW + 11}),
        ({"exp": NOW + 1}, {"exp": NOW}),
        ({"exp": NOW + 1}, {"exp": NOW + 1.0}),
        ({"iat": NOW}, {"iat": float(NOW)}),
        ({"nbf": NOW + 30}, {"nbf": NOW + 31}),
        ({"nbf": None}, {"nbf": False}),
        ({"nbf": 0}, {"nbf": "0"}),
    ],
)
def test_the_times_hold_with_a_leeway_of_thirty_seconds(
    clock: Clock, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    assert read(**good).items() >= good.items()
    with pytest.raises(InvalidTokenError):
        read(**bad)


def test_a_token_of_another_algorithm_or_kind_is_none(clock: Clock) -> None:
    assert read()
    for wrong in ({"algorithm": "HS512"}, {"typ": "y+jwt"}):
        with pytest.raises(InvalidTokenError):
            read(**wrong)


def test_what_nobody_knows_in_a_header_is_ignored(clock: Clock) -> None:
    key = OctKey.import_key(CALLS.current[1])
    header = {"alg": "HS256", "typ": "x+jwt", "cat": "cl_B7d4PD111AAA"}  # as Clerk writes them
    token = serialize_compact(
        header, b'{"iat": %d, "exp": %d}' % (NOW, NOW + 10), key, registry=JWSRegistry(strict_check_header=False)
    )
    assert read_claims(token, key, algorithm="HS256", typ="x+jwt", longest_life_s=10)


HEAD = encode({"alg": "x"})


@pytest.mark.parametrize(
    "token",
    [
        *(HEAD + rest for rest in (".b", ".b.c.d", ".b.\u00fc", ".b.\ud800")),
        *(f"{head}.b.c" for head in ("", "!", HEAD + "=", HEAD[:-1] + "\u00fc")),
        *(f"{encode(head)}.b.c" for head in ("[]", "x", b"\xff", "[" * 2900, '{"alg": "x", "alg": "x"}')),
    ],
)
def test_what_is_no_compact_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        read_header(token)


@pytest.mark.parametrize("name", ["crit", "jwk", "jku", "x5u", "x5c", "b64"])
def test_a_header_brings_no_key_and_wants_no_extension(name: str) -> None:
    with pytest.raises(InvalidTokenError):
        read_header(f"{encode({'alg': 'x', name: False})}.b.c")


def test_the_longest_token_has_four_kibibytes() -> None:
    head = f"{HEAD}.."
    assert LONGEST_TOKEN == 4096
    assert read_header(head + "s" * (4096 - len(head))) == {"alg": "x"}
    with pytest.raises(InvalidTokenError):
        read_header(head + "s" * (4097 - len(head)))


@dataclass
class Keys:
    """Public keys, and how often one was looked for."""

    keys: dict[str, ECKey] = field(default_factory=lambda: {"k": KEY})
    asked: int = 0
    generation: int = 0

    async def find(self, kid: str) -> ECKey | None:
        self.asked += 1
        return self.keys.get(kid)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def verifier(keys: Keys) -> AccessTokenVerifier:
    return AccessTokenVerifier(keys, issuer=ISSUER, audience="catalog")


def access_token(**claims: Any) -> str:
    """A good one, but for ``claims``."""
    good = {
        "iss": ISSUER,
        "sub": str(uuid.uuid4()),
        "aud": ["auth", "catalog"],
        "iat": NOW,
        "exp": NOW + 600,
        "role": "player",
        "auth_time": NOW - 60,
    }
    made = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return sign(made, KEY, algorithm="ES256", typ="at+jwt", kid="k")


async def test_a_person_is_who_the_token_says(clock: Clock, verifier: AccessTokenVerifier) -> None:
    user, session = uuid.uuid4(), uuid.uuid4()
    named = {"sub": str(user), "sid": str(session), "role": "developer", "amr": ["pwd", "otp"]}
    assert await verifier.verify(access_token(**named)) == Principal(
        user_id=user,
        role=Role.DEVELOPER,
        session_id=session,
        authenticated_at=dt.datetime.fromtimestamp(NOW - 60, dt.UTC),
        expires_at=dt.datetime.fromtimestamp(NOW + 600, dt.UTC),
        scopes=None,
    )
    by_key = await verifier.verify(access_token(amr=["api_key"], scope="catalog:read developer:read"))
    assert (by_key.session_id, by_key.scopes) == (None, frozenset({"catalog:read", "developer:read"}))
    assert (await verifier.verify(access_token(scope=""))).scopes == frozenset()
    assert await verifier.verify(access_token(aud="catalog", exp=NOW + 3600))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 3601},
        {"iss": "https://other.example"},
        {"aud": ["auth"]},
        {"aud": "auth"},
        {"aud": "auth catalog"},
        {"aud": 7},
        {"sub": None},
        {"sub": "me"},
        {"sub": 7},
        {"role": "god"},
        {"sid": 7},
        {"auth_time": "now"},
        {"auth_time": 10**20},
        {"auth_time": 10**15},
        {"scope": 7},
        {"scope": ["catalog:read"]},
    ],
)
async def test_a_claim_that_is_none_of_ours_is_refused(
    clock: Clock, verifier: AccessTokenVerifier, claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidTokenError):
        await verifier.verify(access_token(**claims))


@pytest.mark.parametrize("kid", [None, 7, ["k"], "another", ""])
async def test_a_key_is_named_by_an_id_that_is_known(clock: Clock, verifier: AccessTokenVerifier, kid: object) -> None:
    _, claims, signature = access_token().split(".")
    header = encode({"alg": "ES256", "typ": "at+jwt", "kid": kid})
    for forged in (f"{header}.{claims}.{signature}", "\ud800"):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(forged)


async def test_a_token_that_was_checked_is_not_checked_again_until_it_ends(
    clock: Clock, keys: Keys, verifier: AccessTokenVerifier
) -> None:
    token = access_token()
    first = await verifier.verify(token)
    for later in (1, 600, 629):
        clock.now = NOW + later
        assert await verifier.verify(token) is first
    assert keys.asked == 1
    clock.now = NOW + 630
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)
    assert verifier._checked == {}


async def test_keys_that_change_make_every_token_new(clock: Clock, keys: Keys, verifier: AccessTokenVerifier) -> None:
    token = access_token()
    for generation, asked in ((0, 1), (0, 1), (1, 2), (1, 2)):
        keys.generation = generation
        await verifier.verify(token)
        assert keys.asked == asked
    keys.generation, keys.keys = 2, {}
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token)


async def test_of_many_tokens_the_one_that_came_first_is_forgotten(
    clock: Clock, keys: Keys, verifier: AccessTokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "_REMEMBERED", 2)
    first, second, third = access_token(), access_token(), access_token()
    for token, asked in ((first, 1), (second, 2), (first, 2), (third, 3), (third, 3), (second, 3), (first, 4)):
        await verifier.verify(token)
        assert keys.asked == asked


def callback_token(**claims: Any) -> str:
    """A good one, but for ``claims``."""
    names = ("installation_id", "cat_id", "release_id")
    good, _ = issue_callback_token(
        CALLBACKS, **{name: uuid.uuid4() for name in names}, scopes=frozenset(PermissionType), generation=1
    )
    made = {name: value for name, value in {**claims_of(good), **claims}.items() if value is not None}
    key = OctKey.import_key(CALLBACKS.current[1])
    return "chi_" + sign(made, key, algorithm="HS256", typ="callback+jwt", kid="r1")


def test_a_callback_token_says_all_that_went_into_it_for_five_minutes(clock: Clock) -> None:
    ids = {name: uuid.uuid4() for name in ("installation_id", "cat_id", "release_id")}
    scopes, expires_at = frozenset({PermissionType.TASKS}), dt.datetime.fromtimestamp(NOW + 300, dt.UTC)
    token, told = issue_callback_token(CALLBACKS, **ids, scopes=scopes, generation=7)
    assert told == expires_at
    said = CallbackToken(**ids, scopes=scopes, generation=7, expires_at=expires_at)
    for later in (0, 329):
        clock.now = NOW + later
        assert read_callback_token(token, CALLBACKS) == said
    clock.now = NOW + 330
    with pytest.raises(InvalidTokenError):
        read_callback_token(token, CALLBACKS)


def test_no_two_tokens_are_alike(clock: Clock) -> None:
    ids = {name: uuid.uuid4() for name in ("installation_id", "cat_id", "release_id")}
    callbacks = [issue_callback_token(CALLBACKS, **ids, scopes=frozenset(), generation=1)[0] for _ in range(2)]
    calls = [issue_service_token(CALLS, caller="proxy", callee="installation") for _ in range(2)]
    for one, other in (callbacks, calls):
        assert claims_of(one)["jti"] != claims_of(other)["jti"]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 301},
        {"inst": None},
        {"cat": "x"},
        {"rel": 7},
        {"scp": ["purring"]},
        {"scp": 7},
        {"gen": "x"},
        {"gen": []},
    ],
)
def test_a_callback_token_with_another_claim_is_none(clock: Clock, claims: dict[str, Any]) -> None:
    assert read_callback_token(callback_token(), CALLBACKS)
    with pytest.raises(InvalidTokenError):
        read_callback_token(callback_token(**claims), CALLBACKS)


def test_a_token_under_a_root_that_was_retired_is_none(clock: Clock) -> None:
    other = parse_roots("r2:zyxwvutsrqponmlkjihgfedcba9876543210")
    with pytest.raises(InvalidTokenError):
        read_callback_token(callback_token(), derive(other, KeyUse.CALLBACK_TOKENS))
    token = issue_service_token(CALLS, caller="proxy", callee="installation")
    with pytest.raises(InvalidTokenError):
        verify_service_token(token, derive(other, KeyUse.PROXY_TO_INSTALLATION), caller="proxy", callee="installation")


def test_a_service_token_lives_for_a_minute(clock: Clock) -> None:
    token = issue_service_token(CALLS, caller="proxy", callee="installation")
    assert claims_of(token)["exp"] - claims_of(token)["iat"] == 60
    assert read_header(token)["typ"] == "service+jwt"
    clock.now = NOW + 89
    verify_service_token(token, CALLS, caller="proxy", callee="installation")
    clock.now = NOW + 90
    with pytest.raises(InvalidTokenError):
        verify_service_token(token, CALLS, caller="proxy", callee="installation")
    made = {**claims_of(token), "iat": NOW + 60, "exp": NOW + 121}
    longer = sign(made, OctKey.import_key(CALLS.current[1]), algorithm="HS256", typ="service+jwt", kid="r1")
    with pytest.raises(InvalidTokenError):
        verify_service_token(longer, CALLS, caller="proxy", callee="installation")
