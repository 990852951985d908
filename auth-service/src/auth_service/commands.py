"""auth-service's part of the ``cathouse`` command: what writes its slice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from auth_service.accounts.passwords import Passwords
from auth_service.mails.service import MailService
from auth_service.recovery.service import RecoveryService
from auth_service.registration.schemas import Registration
from auth_service.registration.service import RegistrationService
from auth_service.second_factor.service import SecondFactorService
from auth_service.settings import AuthSettings
from auth_service.signing_keys.service import SigningKeys
from cathouse.configuration import load
from cathouse.database import Database

T = TypeVar("T")

admin = typer.Typer(help="Admins, the first one above all.", no_args_is_help=True)


@admin.callback()
def _admin() -> None:
    """Keep ``create`` a subcommand."""


@admin.command("create")
def create_admin(
    email: str,
    name: Annotated[str, typer.Option(help="The name that others see.")] = "Admin",
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="ADMIN_PASSWORD")
    ] = "",
) -> None:
    """Make an admin in the database of DATABASE_URL; the password is asked for, or read from ADMIN_PASSWORD."""
    registration = Registration(email=email, password=password, display_name=name)
    asyncio.run(_create(registration))
    print(f"{registration.email} is an admin now")  # noqa: T201 - a command prints


async def _create(registration: Registration) -> None:
    async with _opened() as (settings, database):
        passwords = Passwords()
        mails = MailService(database, settings.jwt_secrets(), None)
        recovery = RecoveryService(database, passwords, mails)
        registrations = RegistrationService(database, passwords, mails, recovery, requires_verification=False)
        try:
            await registrations.create_admin(registration)
        finally:
            passwords.close()


keys = typer.Typer(help="The keys between services, and those that sign access tokens.", no_args_is_help=True)


@keys.command("list")
def list_keys() -> None:
    """Show the keys that access tokens are verified with."""
    for key in asyncio.run(_with_keys(SigningKeys.list)):
        since = key.retired_at or key.activated_at or key.created_at
        print(f"{key.kid}  {key.state:<9} since {since:%Y-%m-%d %H:%M} UTC")  # noqa: T201 - a command prints


@keys.command("rotate")
def rotate_keys() -> None:
    """Publish a new signing key. It signs when every service has seen it; nobody is logged out."""
    signs_at = asyncio.run(_with_keys(SigningKeys.rotate))
    print(f"a new key is published and signs from {signs_at:%Y-%m-%d %H:%M} UTC on")  # noqa: T201 - a command prints


# One name in sixty-four begins with a dash, and is no option.
@keys.command("revoke", context_settings={"ignore_unknown_options": True})
def revoke_key(kid: str) -> None:
    """End a signing key at once: access tokens that it signed are refused, refresh tokens still give new ones."""
    asyncio.run(_with_keys(lambda ring: ring.revoke(kid)))
    print(f"{kid} is revoked; the other services refuse its tokens within two minutes")  # noqa: T201 - a command prints


@keys.command("rewrap")
def rewrap_keys() -> None:
    """Put what is wrapped under an older JWT_SECRET under the newest one; afterwards the older ones may go."""
    factors, signing = asyncio.run(_rewrap())
    print(f"rewrapped {signing} signing keys and {factors} second factors")  # noqa: T201 - a command prints


async def _rewrap() -> tuple[int, int]:
    async with _opened() as (settings, database):
        secrets = settings.jwt_secrets()
        factors = SecondFactorService(database, secrets, MailService(database, secrets, None))
        return await factors.rewrap_all(), await SigningKeys(database, secrets).rewrap_all()


async def _with_keys(work: Callable[[SigningKeys], Awaitable[T]]) -> T:
    async with _opened() as (settings, database):
        return await work(SigningKeys(database, settings.jwt_secrets()))


@asynccontextmanager
async def _opened() -> AsyncIterator[tuple[AuthSettings, Database]]:
    """What every command here begins with: the environment, and its database."""
    settings = load(AuthSettings)
    database = Database.from_settings(settings, "auth")
    try:
        yield settings, database
    finally:
        await database.close()
