"""What every command begins with: the settings, the client, the project that is meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from cathouse.configuration import load
from cathouse.neon import NeonClient, NeonSettings

ProjectOption = Annotated[str | None, typer.Option("--project", help="The project's id; else NEON_PROJECT_ID.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Session:
    """A client, and what the environment says."""

    client: NeonClient
    settings: NeonSettings

    def project_id(self, given: str | None) -> str:
        """The id that was ``given``, or the environment's.

        Raises:
            ConfigurationError: when there is neither.
        """
        return given or self.settings.project_id()


@contextmanager
def open_session() -> Iterator[Session]:
    """The session of one command.

    Raises:
        ConfigurationError: when NEON_API_KEY is missing or a variable is wrong.
    """
    settings = load(NeonSettings)
    with NeonClient.from_settings(settings) as client:
        yield Session(client, settings)
