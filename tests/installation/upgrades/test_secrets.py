"""What becomes of secrets with an upgrade: kept for the same host and header, else wanted anew."""

from typing import Any

from sqlalchemy import select

from cathouse.schema import PlayerSecret
from tests.factories.cats import SECRET
from tests.fixtures.house import House
from tests.fixtures.installations import seen
from tests.fixtures.releases import offer
from tests.installation.upgrades.upgrading import WITH_SECRET, upgrade


def secrets_of(house: House) -> dict[str, bytes]:
    with house.engine.connect() as connection:
        rows = connection.execute(select(PlayerSecret.name, PlayerSecret.wrapped_value)).all()
    return {row.name: row.wrapped_value for row in rows}


async def test_a_secret_is_kept_dropped_or_wanted_anew(house: House) -> None:
    """Kept for the same host and header, dropped when it is not declared any more, wanted anew for anything else."""
    developer, player = await house.register("developer"), await house.register()

    def secret(name: str, **changes: Any) -> dict[str, Any]:
        return {**SECRET, "name": name, "required": False, **changes}

    names = ("kept", "dropped", "moved", "renamed_header", "optional_moved", "same_header")
    before = [secret(name) for name in names]
    cat = await house.publish(developer, **{**WITH_SECRET, "secrets": before})
    installed = await house.install(player, cat, secrets=dict.fromkeys(names, "first"))
    first = secrets_of(house)
    after = [
        secret("kept", required=True, description="Still yours."),
        secret("moved", host="other.example.com", required=True),
        secret("renamed_header", header="X-Other-Key", required=True),
        secret("optional_moved", host="other.example.com"),
        secret("same_header", header="x-api-KEY"),
        secret("new"),
    ]
    await offer(house, developer, cat, **{**WITH_SECRET, "secrets": after})
    waiting = (await seen(house, player, installed))["upgrade_available"]
    assert waiting["secrets"] == ["moved", "renamed_header", "optional_moved", "new"]
    refused = (await upgrade(house, player, installed, expect=422)).json()
    assert (refused["code"], refused["missing"]) == ("secret_required", ["moved", "renamed_header"])
    assert secrets_of(house) == first
    answer = await upgrade(house, player, installed, secrets={"moved": "canary-1", "renamed_header": "canary-2"})
    assert "canary" not in answer.text
    assert {each["name"]: each["set"] for each in answer.json()["secrets"]} == {
        "kept": True,
        "moved": True,
        "renamed_header": True,
        "optional_moved": False,
        "same_header": True,
        "new": False,
    }
    second = secrets_of(house)
    assert second.keys() == {"kept", "moved", "renamed_header", "same_header"}
    assert (second["kept"], second["same_header"]) == (first["kept"], first["same_header"])
    assert second["moved"] != first["moved"]
    assert not any(b"canary" in wrapped for wrapped in second.values())


async def test_a_secret_that_becomes_required_is_asked_for_unless_it_was_given(house: House) -> None:
    developer, player = await house.register("developer"), await house.register()
    optional = {**SECRET, "required": False}
    cat = await house.publish(developer, **{**WITH_SECRET, "secrets": [optional]})
    without = await house.install(player, cat)
    having = await house.install(player, cat, instance_name="Smoky", secrets={"api_key": "k"})
    await offer(house, developer, cat, **WITH_SECRET)
    for installed, asked in ((without, ["api_key"]), (having, [])):
        assert (await seen(house, player, installed))["upgrade_available"]["secrets"] == asked
    refused = await upgrade(house, player, without, expect=422)
    assert refused.json()["missing"] == ["api_key"]
    await upgrade(house, player, having)
    await upgrade(house, player, without, secrets={"api_key": "k"})
