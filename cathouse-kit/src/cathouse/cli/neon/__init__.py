"""``cathouse neon``: Neon's projects, branches, computes and connection strings from the command line."""

import typer

from cathouse.cli.neon import branches, connection_strings, projects

app = typer.Typer(
    help="Look after the project on Neon; NEON_API_KEY and NEON_PROJECT_ID say which.", no_args_is_help=True
)
app.add_typer(projects.app, name="project")
app.add_typer(branches.app, name="branch")
app.command("computes")(branches.list_computes)
app.command("url")(connection_strings.show_urls)
app.command("provision")(projects.provision_project)

__all__ = ["app"]
