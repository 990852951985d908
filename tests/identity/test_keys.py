"""Keys between services: one a pair and a use, derived; in production without the root."""

import hashlib
import uuid
from itertools import combinations
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from cathouse.identity import (
    USED_BY,
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


def test_proxy_cannot_speak_for_catalog_to_installation_and_the_like() -> None:
    assert KeyUse.AUTH_TO_INSTALLATION not in USED_BY["proxy"]
    assert KeyUse.AUTH_TO_CATALOG not in USED_BY["proxy"]


def test_production_takes_the_derived_keys_and_refuses_the_root() -> None:
    derived = {use.value: SecretStr(derive(parse_roots(ROOT), use).text()) for use in USED_BY["proxy"]}
    production = settings(environment="production", **derived)
    production.check_keys("proxy")
    development = settings(platform_secret=SecretStr(ROOT))
    for use in USED_BY["proxy"]:
        assert production.keyring(use, "proxy") == development.keyring(use, "proxy")
    with pytest.raises(ValueError, match="PLATFORM_SECRET must not be given to a service in production"):
        settings(environment="production", platform_secret=SecretStr(ROOT), **derived).check_keys("proxy")
    with pytest.raises(ValueError, match=r"KEY_CALLBACK_TOKENS is not set: `cathouse keys env proxy`"):
        settings(environment="production", **{**derived, "key_callback_tokens": None}).check_keys("proxy")


@pytest.mark.parametrize(
    "root", ["short", "r1:change-me-change-me-change-me-change-me", "R!:" + "x" * 40, f"{ROOT},{ROOT}"]
)
def test_a_weak_root_is_refused_without_being_repeated(root: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        settings(platform_secret=SecretStr(root))
    assert root not in str(refusal.value)


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
    assert "r2" in repr(keys)
    assert keys.text().split(":")[1].split(",")[0] not in repr(keys)


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
