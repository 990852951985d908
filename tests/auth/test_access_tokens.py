"""Access tokens are ES256, ours, for us; each kind of token is taken in its own place only."""

import uuid
from collections.abc import Mapping

from cathouse.identity import KeyUse, derive, issue_callback_token, issue_service_token, parse_roots
from cathouse.schema import PermissionType
from tests.auth.tokens import PATHS, Signer, claims_of, decode, encode, status
from tests.factories.cats import cat_creation
from tests.fixtures.house import PLATFORM_SECRET, House

ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


async def test_the_claims_are_those_of_rfc_9068(house: House, signer: Signer) -> None:
    claims = signer.claims
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "role", "auth_time", "amr"}
    assert claims["exp"] - claims["iat"] == 600
    assert await status(house, signer.sign(signer.header, claims)) == 200


async def test_the_other_form_of_an_ecdsa_signature_gains_nothing(house: House) -> None:
    person = await house.register()
    head, body, signature = person.tokens["access_token"].split(".")
    raw = decode(signature)
    s = ORDER_OF_P256 - int.from_bytes(raw[32:], "big")
    twin = f"{head}.{body}.{encode(raw[:32] + s.to_bytes(32, 'big'))}"
    assert twin != person.tokens["access_token"]
    # It verifies, as every verifier's does, and it is harmless: what ends is the session, never a token by its text.
    assert await status(house, twin) == 200
    headers = {"Authorization": f"Bearer {twin}"}
    await house.call("auth", "DELETE", f"/api/v1/sessions/{claims_of(twin)['sid']}", headers=headers, expect=204)
    body_of_refresh = {"refresh_token": person.tokens["refresh_token"]}
    await house.call("auth", "POST", "/api/v1/auth/refresh", body_of_refresh, expect=401)


async def test_roles_include_those_below(house: House) -> None:
    player, developer, admin = await house.register(), await house.register("developer"), await house.admin()
    cat = await house.draft(developer)
    path = f"/api/v1/cats/{cat['id']}/suspend"
    body = cat_creation()
    refused = await house.call("catalog", "POST", "/api/v1/cats", body, person=player, expect=403)
    assert refused.json()["role"] == "developer"
    for person in (player, developer):
        answer = await house.call("catalog", "POST", path, {"reason": "x"}, person=person, expect=403)
        assert (answer.json()["code"], answer.json()["role"]) == ("role_required", "admin")
    await house.call("catalog", "POST", path, {"reason": "x"}, person=admin)
    await house.draft(admin)


async def test_each_kind_of_token_opens_its_own_door_only(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    installed = await house.install(player, await house.publish(developer))
    roots = parse_roots(PLATFORM_SECRET)
    callback, _ = issue_callback_token(
        derive(roots, KeyUse.CALLBACK_TOKENS),
        installation_id=uuid.UUID(installed["id"]),
        cat_id=uuid.UUID(installed["cat"]["id"]),
        release_id=uuid.uuid4(),
        scopes=frozenset({PermissionType.STORAGE}),
        generation=1,
    )
    tokens = {
        "access": player.tokens["access_token"],
        "refresh": player.tokens["refresh_token"],
        "callback": callback,
        "service": issue_service_token(
            derive(roots, KeyUse.PROXY_TO_INSTALLATION), caller="proxy", callee="installation"
        ),
    }
    tokens |= {
        "bare callback": callback.removeprefix("chi_"),
        **{f"chi_ {name}": f"chi_{tokens[name]}" for name in ("access", "service")},
        **{f"chr_ {name}": f"chr_{tokens[name]}" for name in ("access", "callback", "service")},
    }

    async def opened(service: str, method: str, path: str, body: Mapping[str, object] | None = None) -> set[str]:
        statuses = {
            name: (
                await house.call(service, method, path, body, headers={"Authorization": f"Bearer {token}"}, expect=None)
            ).status_code
            for name, token in tokens.items()
        }
        assert set(statuses.values()) <= {200, 401, 422}
        return {name for name, answered in statuses.items() if answered != 401}

    for service, path in PATHS.items():
        assert await opened(service, "GET", path) == {"access"}
    assert await opened("installation", "GET", "/api/v1/cat/storage") == {"callback"}
    # Past the door its body is found wanting.
    assert await opened("installation", "POST", "/internal/v1/interactions", {}) == {"service"}
    taken = set()
    for name, token in tokens.items():
        body = {"refresh_token": token}
        answer = await house.call("auth", "POST", "/api/v1/auth/refresh", body, expect=None)
        assert answer.status_code in {200, 401, 422}  # 422: longer than any refresh token
        taken |= {name} if answer.status_code == 200 else set()
    assert taken == {"refresh"}
