"""Players with cats in their homes, to talk to them: so many that no limit of a single one plays."""

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path

import httpx
from sqlalchemy import insert, update

from benchmarks.crowd import crowd, fill
from cathouse.database.engine import make_migration_engine
from cathouse.identity import Keyring, KeyUse, derive, issue_callback_token, parse_roots
from cathouse.local.stack import Stack
from cathouse.local.state import LocalState
from cathouse.schema import Installation, InstallationPermission, PermissionType, PlayerAlias, Release


@dataclass(frozen=True, slots=True)
class Home:
    """An installation: ``access_token`` is its player's, ``callback_token`` its cat's."""

    installation_id: uuid.UUID
    cat_id: uuid.UUID
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    callback_token: str = field(repr=False)


def settle(folder: Path, stack: Stack, cat_url: str, *, players: int, cats: int, catalog: int) -> list[Home]:
    """Fill the catalog with ``catalog`` cats, and install ``cats`` of them at each of ``players`` new players'.

    Those cats live at ``cat_url`` and may use the storage.
    """
    engine = make_migration_engine(stack.databases.migration)
    fill(engine, catalog)
    storing = (cat.id for cat in crowd(catalog) if cat.permission == PermissionType.STORAGE)
    cat_ids = list(islice(storing, cats))
    with httpx.Client(base_url=stack.urls["auth"], trust_env=False, timeout=30) as http:
        people = [_register(http) for _ in range(players)]
    keys = _callback_keys(folder)
    homes, installations, grants = [], [], []
    for cat_id, (user_id, tokens) in product(cat_ids, people):
        home_id = uuid.uuid4()
        callback_token = _callback_token(keys, home_id, cat_id)
        homes.append(Home(home_id, cat_id, tokens["access_token"], tokens["refresh_token"], callback_token))
        installations.append(
            {"id": home_id, "user_id": user_id, "cat_id": cat_id, "consent_epoch": 1, "instance_name": "Misty"}
        )
        grants.append(
            {
                "installation_id": home_id,
                "permission_id": cat_id,
                "granted": True,
                "granted_at": dt.datetime.now(dt.UTC),
            }
        )
    with engine.begin() as connection:
        connection.execute(update(Release).where(Release.id.in_(cat_ids)).values(endpoint_url=cat_url))
        connection.execute(insert(Installation), installations)
        connection.execute(insert(InstallationPermission), grants)
        aliases = [{"user_id": user_id, "cat_id": cat_id} for cat_id, (user_id, _) in product(cat_ids, people)]
        connection.execute(insert(PlayerAlias), aliases)
    return homes


def refreshed(folder: Path, stack: Stack, homes: Sequence[Home]) -> list[Home]:
    """The same with tokens that are new: a callback token lasts five minutes, an access token ten."""
    keys = _callback_keys(folder)
    with httpx.Client(base_url=stack.urls["auth"], trust_env=False, timeout=30) as http:
        fresh = {
            token: http.post("/api/v1/auth/refresh", json={"refresh_token": token}).raise_for_status().json()
            for token in dict.fromkeys(home.refresh_token for home in homes)
        }
    return [
        Home(
            home.installation_id,
            home.cat_id,
            fresh[home.refresh_token]["access_token"],
            fresh[home.refresh_token]["refresh_token"],
            _callback_token(keys, home.installation_id, home.cat_id),
        )
        for home in homes
    ]


def _callback_keys(folder: Path) -> Keyring:
    return derive(parse_roots(LocalState(folder).secret("PLATFORM_SECRET")), KeyUse.CALLBACK_TOKENS)


def _callback_token(keys: Keyring, installation_id: uuid.UUID, cat_id: uuid.UUID) -> str:
    # A crowd's cat, its release and its permission have one id.
    token, _ = issue_callback_token(
        keys,
        installation_id=installation_id,
        cat_id=cat_id,
        release_id=cat_id,
        scopes=frozenset({PermissionType.STORAGE}),
        generation=1,
    )
    return token


def _register(http: httpx.Client) -> tuple[uuid.UUID, dict[str, str]]:
    """A new player's id and tokens."""
    account = {"email": f"{uuid.uuid4().hex}@example.com", "password": secrets.token_urlsafe(16)}
    made = http.post("/api/v1/auth/register", json={**account, "display_name": "Mia"}).raise_for_status().json()
    tokens = http.post("/api/v1/auth/login", json=account).raise_for_status().json()
    return uuid.UUID(made["id"]), tokens
