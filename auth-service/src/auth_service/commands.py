"""auth-service's part of the ``cathouse`` command: what writes its slice."""

import asyncio
from typing import Annotated

import typer

from auth_service.accounts.passwords import Passwords
from auth_service.accounts.schemas import Registration
from auth_service.accounts.service import AccountService
from auth_service.settings import AuthSettings
from cathouse.configuration import load
from cathouse.database import Database

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
    database = Database.from_settings(load(AuthSettings), "auth")
    passwords = Passwords()
    try:
        await AccountService(database, passwords).create_admin(registration)
    finally:
        passwords.close()
        await database.close()
