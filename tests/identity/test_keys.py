"""Keys between services: one a pair and a use, derived; in production without the root."""

import base64
import hashlib
import uuid
from itertools import combinations
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr, ValidationError

from cathouse.identity import (
    USED_BY,
    IdentitySettings,
    InvalidTokenError,
    KeyUse,
    PlatformKeySettings,
    SigningRootRetiredError,
    cat_signing_secret,
    derive,
    fingerprints,
    issue_callback_token,
    issue_service_token,
    parse_roots,
    read_callback_token,
    verify_service_token,
)
from cathouse.identity.keys import parse_keyring
from cathouse.schema import PermissionType

ROOT = "r1:0123456789abcdefghijklmnopqrstuvwxyz"
NEXT = "r2:zyxwvutsrqponmlkjihgfedcba9876543210"


def settings(**values: Any) -> PlatformKeySettings:
    return PlatformKeySettings(_env_file=None, **values)


def test_every_use_has_a_key_of_its_own() -> None:
    keys = [derive(parse_roots(ROOT), use).current[1] for use in KeyUse]
    assert all(one != other for one, other in combinations(keys, 2))
    assert all(len(key) == 32 for key in keys)


def test_a_pair_of_services_shares_a_key_and_nobody_else_has_it() -> None:
    for use in KeyUse:
        if "_to_" in use:
            caller, callee = use.removeprefix("key_").split("_to_")
            assert {service for service, uses in USED_BY.items() if use in uses} == {caller, callee}


def test_a_key_of_another_use_is_with_those_who_make_and_those_who_read() -> None:
    for use, services in (
        (KeyUse.CALLBACK_TOKENS, {"installation", "proxy"}),
        (KeyUse.PLAYER_SECRETS, {"installation", "proxy"}),
        (KeyUse.CAT_SIGNING, {"catalog", "proxy"}),
    ):
        assert {service for service, uses in USED_BY.items() if use in uses} == services


def test_what_is_derived_never_changes() -> None:
    # Else a new release could not open what the one before has wrapped, and every cat's secret were another.
    roots, cat = parse_roots(ROOT), uuid.UUID(int=1)
    assert (
        derive(roots, KeyUse.PLAYER_SECRETS).current[1].hex()
        == "c6af7740d8d83183bed0f44faea1f1bf46f991417a84f1411ba232ad6c5f274b"
    )
    signing = derive(roots, KeyUse.CAT_SIGNING)
    assert (
        cat_signing_secret(signing, root_id="r1", cat_id=cat, version=1)
        == "whsec_YFCjRRLOLV9niA06I+CE4NnCcuvp0Zfhigumqe7m8MM="
    )
    assert (
        fingerprints(signing, b"message")[0].hex() == "793d6d1e30b0c8297fafbd1a82f925ff0ee18630102d5a97015270459c81d85b"
    )


def test_proxy_cannot_speak_for_catalog_to_installation_and_the_like() -> None:
    assert KeyUse.AUTH_TO_INSTALLATION not in USED_BY["proxy"]
    assert KeyUse.AUTH_TO_CATALOG not in USED_BY["proxy"]


def test_production_takes_the_derived_keys_and_refuses_the_root() -> None:
    derived = {use.value: SecretStr(derive(parse_roots(ROOT), use).text()) for use in USED_BY["proxy"]}
    production = settings(environment="production", **derived)
    production.check_keys("proxy")
    development = settings(platform_secret=SecretStr(ROOT))
    development.check_keys("proxy")
    for use in USED_BY["proxy"]:
        assert production.keyring(use, "proxy") == development.keyring(use, "proxy")
    with pytest.raises(ValueError, match="PLATFORM_SECRET must not be given to a service in production"):
        settings(environment="production", platform_secret=SecretStr(ROOT), **derived).check_keys("proxy")
    with pytest.raises(ValueError, match=r"KEY_CALLBACK_TOKENS is not set: `cathouse keys env proxy`"):
        settings(environment="production", **{**derived, "key_callback_tokens": None}).check_keys("proxy")


@pytest.mark.parametrize(
    "root",
    [
        "short",
        "r1:" + "x" * 31,
        *(
            f"r1:{'x' * 30}-{word}"
            for word in ("change-me", "ChangeMe", "REPLACE-ME", "Example", "Secret", "placeholder")
        ),
        "R!:" + "x" * 40,
        ":" + "x" * 40,
        "a" * 17 + ":" + "x" * 40,
        f"{ROOT},{ROOT}",
        f"{ROOT},",
    ],
)
def test_a_weak_root_is_refused_without_being_repeated(root: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        settings(platform_secret=SecretStr(root))
    assert root not in str(refusal.value)


def test_a_root_of_32_characters_will_do_and_needs_no_id() -> None:
    assert list(parse_roots("x" * 32)) == [("r1", b"x" * 32)]
    assert [each for each, _ in parse_roots(f" {'a' * 16}:{'x' * 32} , b:{'y' * 32} ")] == ["a" * 16, "b"]


def test_a_derived_key_is_32_bytes_under_an_id() -> None:
    def text(number: int) -> str:
        return base64.urlsafe_b64encode(b"k" * number).decode()

    good = settings(key_cat_signing=SecretStr(f" r1:{text(32)} "), platform_secret=SecretStr(ROOT))
    assert list(good.keyring(KeyUse.CAT_SIGNING, "proxy")) == [("r1", b"k" * 32)]  # what is given goes before the root
    for wrong in ("", "r1", text(32), f"R!:{text(32)}", f"r1:{text(31)}", f"r1:{text(33)}", "r1:AAAAA", "r1:é"):
        with pytest.raises(ValidationError, match="expected what `cathouse keys env SERVICE` prints") as refusal:
            settings(key_cat_signing=SecretStr(wrong))
        assert refusal.value.errors()[0]["loc"] == ("key_cat_signing",)


def test_without_a_key_and_a_root_the_variable_is_named() -> None:
    with pytest.raises(ValueError, match="PLATFORM_SECRET is not set: `make env`"):
        settings().keyring(KeyUse.CAT_SIGNING, "proxy")
    # The root of development is none in production, whoever asks.
    with pytest.raises(ValueError, match="PLATFORM_SECRET must not be given to a service in production"):
        settings(environment="production", platform_secret=SecretStr(ROOT)).keyring(KeyUse.CAT_SIGNING, "proxy")


def test_the_public_keys_are_at_auth_service_and_its_issuer_is_named_in_production() -> None:
    for url in ("http://auth.internal:8001/prefix", "http://auth.internal:8001/prefix/"):
        known = IdentitySettings(_env_file=None, auth_url=HttpUrl(url))
        assert known.jwks_url == "http://auth.internal:8001/prefix/.well-known/jwks.json"
    with pytest.raises(ValidationError, match="TOKEN_ISSUER is not set"):
        IdentitySettings(_env_file=None, environment="production")
    with pytest.raises(ValidationError, match="at least 1 character"):
        IdentitySettings(_env_file=None, token_issuer="")
    IdentitySettings(_env_file=None, environment="production", token_issuer="https://auth.example")


def test_a_new_root_signs_and_the_old_one_still_verifies() -> None:
    use = KeyUse.CATALOG_TO_PROXY
    old, both = derive(parse_roots(ROOT), use), derive(parse_roots(f"{NEXT},{ROOT}"), use)
    made_before = issue_service_token(old, caller="catalog", callee="proxy")
    verify_service_token(made_before, both, caller="catalog", callee="proxy")
    made_after = issue_service_token(both, caller="catalog", callee="proxy")
    with pytest.raises(InvalidTokenError):
        verify_service_token(made_after, old, caller="catalog", callee="proxy")


def test_a_service_token_is_for_one_pair() -> None:
    keys = derive(parse_roots(ROOT), KeyUse.CATALOG_TO_PROXY)
    token = issue_service_token(keys, caller="catalog", callee="proxy")
    for caller, callee in (("installation", "proxy"), ("catalog", "auth")):
        with pytest.raises(InvalidTokenError):
            verify_service_token(token, keys, caller=caller, callee=callee)
    with pytest.raises(InvalidTokenError):
        verify_service_token(token[:-2] + "AA", keys, caller="catalog", callee="proxy")


def test_a_cats_secret_does_not_change_when_a_root_is_added() -> None:
    cat = uuid.uuid4()
    before = cat_signing_secret(derive(parse_roots(ROOT), KeyUse.CAT_SIGNING), root_id="r1", cat_id=cat, version=1)
    keys = derive(parse_roots(f"{NEXT},{ROOT}"), KeyUse.CAT_SIGNING)
    assert before.startswith("whsec_")
    assert cat_signing_secret(keys, root_id="r1", cat_id=cat, version=1) == before
    assert cat_signing_secret(keys, root_id="r1", cat_id=cat, version=2) != before
    assert cat_signing_secret(keys, root_id="r1", cat_id=uuid.uuid4(), version=1) != before
    with pytest.raises(SigningRootRetiredError):
        cat_signing_secret(keys, root_id="r9", cat_id=cat, version=1)


def test_a_derived_key_survives_its_way_through_a_variable() -> None:
    keys = derive(parse_roots(f"{NEXT},{ROOT}"), KeyUse.PLAYER_SECRETS)
    assert parse_keyring(keys.text()) == keys
    assert repr(keys) == "Keyring(r2, r1)"


def test_a_callback_token_says_what_was_granted() -> None:
    keys = derive(parse_roots(ROOT), KeyUse.CALLBACK_TOKENS)
    ids = {"installation_id": uuid.uuid4(), "cat_id": uuid.uuid4(), "release_id": uuid.uuid4()}
    token, expires_at = issue_callback_token(keys, **ids, scopes=frozenset({PermissionType.STORAGE}), generation=3)
    assert token.startswith("chi_")
    read = read_callback_token(token, keys)
    assert (read.installation_id, read.generation, read.expires_at) == (ids["installation_id"], 3, expires_at)
    assert read.scopes == {PermissionType.STORAGE}
    other = derive(parse_roots(ROOT), KeyUse.PROXY_TO_INSTALLATION)
    for wrong in (token.removeprefix("chi_"), token + "x", "chi_a.b.c", "chi_"):
        with pytest.raises(InvalidTokenError):
            read_callback_token(wrong, keys)
    with pytest.raises(InvalidTokenError):
        read_callback_token(token, other)


def test_a_fingerprint_tells_nothing_without_the_key_and_outlives_its_replacement() -> None:
    before = derive(parse_roots(ROOT), KeyUse.AUTH_TO_CATALOG)
    after = derive(parse_roots(f"{NEXT},{ROOT}"), KeyUse.AUTH_TO_CATALOG)
    (old,) = fingerprints(before, b"message")
    new, kept = fingerprints(after, b"message")
    assert kept == old != new
    assert old != fingerprints(before, b"another")[0]
    assert old != hashlib.sha256(b"message").digest()
    assert old not in fingerprints(derive(parse_roots(ROOT), KeyUse.AUTH_TO_INSTALLATION), b"message")
