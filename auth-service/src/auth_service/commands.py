"""auth-service's part of the ``cathouse`` command: what writes its slice."""

import asyncio
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import repository
from auth_service.accounts.passwords import Passwords, check_password
from auth_service.accounts.schemas import Registration
from auth_service.accounts.service import email_key
from auth_service.settings import AuthSettings
from cathouse.configuration import load
from cathouse.database import Database, record_event
from cathouse.schema import Role

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
    check_password(registration.password, role=Role.ADMIN)
    asyncio.run(_create(registration))
    print(f"{registration.email} is an admin now")  # noqa: T201 - a command prints


async def _create(registration: Registration) -> None:
    database = Database.from_settings(load(AuthSettings), "auth")
    passwords = Passwords()
    try:
        password_hash = await passwords.hash(registration.password)

        async def create(session: AsyncSession) -> None:
            user_id = await repository.add_user(
                session,
                email=registration.email,
                email_key=email_key(registration.email),
                password_hash=password_hash,
                display_name=registration.display_name,
                role=Role.ADMIN,
            )
            await record_event(session, "admin.created", actor_id=None, subject={"user_id": user_id})

        await database.write(create)
    finally:
        passwords.close()
        await database.close()
