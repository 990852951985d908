"""Mails that tell a player of a cat's notification: asked for by installation-service, sent to who wants them."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import update

from cathouse.identity import KeyUse
from cathouse.schema import User
from tests.fixtures.erasures import service_headers
from tests.fixtures.house import House, Person, directly
from tests.fixtures.letters import letter, letters, mailed_token, text_of

MAILS = "/internal/v1/mails"


def notification(person: Person, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "user_id": str(person.id),
        "instance_name": "Misty",
        "cat": "Purrplexity",
        "title": "Your bowl\nis empty",
        **changes,
    }


async def ask(house: House, body: dict[str, Any], expect: int = 204) -> None:
    headers = service_headers(KeyUse.INSTALLATION_TO_AUTH, caller="installation", callee="auth")
    await house.call("auth", "POST", MAILS, body, headers=headers, expect=expect)


async def verified(house: House) -> Person:
    person = await house.register()
    token = await mailed_token(house, person.email, "Confirm your e-mail address")
    await house.call("auth", "POST", "/api/v1/auth/email/verify", {"token": token}, expect=204)
    return person


async def prefer(house: House, person: Person, *, email: bool) -> None:
    wish = {"communication_preferences": {"email": email, "sms": False, "in_app": True}}
    await house.call("auth", "PATCH", "/api/v1/users/me/preferences", wish, person=person)


async def test_who_wants_it_is_told_who_and_what_about_with_a_way_to_the_inbox(house: House) -> None:
    person = await verified(house)
    await prefer(house, person, email=True)
    body = notification(person)
    for _ in range(3):  # installation-service may ask again
        await ask(house, body)
    message = await letter(house, person.email, "Misty has something to tell you")
    said = text_of(message)
    assert "“Your bowl is empty”" in said
    assert "Purrplexity" in said
    assert "/notifications\n" in said
    assert "#token" not in said
    assert message["Message-ID"].startswith(f"<{body['id']}@")


@pytest.mark.parametrize("why", ["not wanted", "not proved", "closed", "erased"])
@directly
async def test_who_does_not_want_it_or_is_not_known_to_be_there_gets_none(house: House, why: str) -> None:
    person = await house.register() if why == "not proved" else await verified(house)
    await prefer(house, person, email=why != "not wanted")
    if why == "closed":
        await house.execute(update(User).where(User.id == person.id).values(is_active=False))
    await ask(house, notification(person, **({"user_id": str(uuid.uuid4())} if why == "erased" else {})))
    # Mails leave in their order: when the next one is there, one for this person would be too.
    other = await verified(house)
    await prefer(house, other, email=True)
    await ask(house, notification(other))
    await letter(house, other.email, "Misty has something to tell you")
    await asyncio.sleep(0.1)
    assert "Misty has something to tell you" not in [each["Subject"] for each in letters(house, person.email)]


@directly
async def test_only_installation_service_may_ask(house: House) -> None:
    person = await house.register()
    headers = service_headers(KeyUse.PROXY_TO_INSTALLATION, caller="proxy", callee="installation")
    for sent in (headers, person.headers, {}):
        await house.call("auth", "POST", MAILS, notification(person), headers=sent, expect=401)
