"""``cathouse keys``: the keys between services."""

from typing import Annotated

import typer

from cathouse.configuration import ConfigurationError, load
from cathouse.identity import USED_BY, PlatformKeySettings, derive, parse_roots

app = typer.Typer(help="The keys between services.", no_args_is_help=True)


@app.callback()
def _keys() -> None:
    """Keep ``env`` a subcommand."""


@app.command("env")
def print_keys(service: Annotated[str, typer.Argument(help="auth, catalog, installation or proxy")]) -> None:
    """Print the keys that SERVICE uses, as lines for its environment; PLATFORM_SECRET is read from ours.

    In production a service gets these and never the root, so that none can speak for another.
    """
    uses = USED_BY.get(service)
    if uses is None:
        raise ConfigurationError(f"there is no service {service}: expected {', '.join(USED_BY)}")
    root = load(PlatformKeySettings).platform_secret
    if root is None:
        raise ConfigurationError("PLATFORM_SECRET is not set: the root that the keys are derived from")
    roots = parse_roots(root.get_secret_value())
    for use in sorted(uses):
        print(f"{use.value.upper()}={derive(roots, use).text()}")
