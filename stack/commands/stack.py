"""Set up, start, look at and stop the stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stack.settings import StackSettings

Names = Annotated[list[str] | None, typer.Argument(help="Servers, such as `postgres kafka`; all of them by default.")]


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    for command in (setup, up, down, status, logs, doctor):
        app.command(rich_help_panel="The stack")(command)


@contextmanager
def reported() -> Iterator[StackSettings]:
    """The settings; what goes wrong becomes a line on standard error and an exit code: 2 for a wrong setting."""
    from pydantic import ValidationError

    from stack.model import UnknownNameError
    from stack.settings import explain, stack_settings
    from stack.starting import StartError

    try:
        yield stack_settings()
    except ValidationError as error:
        for line in explain(error):
            typer.echo(line, err=True)
        raise typer.Exit(2) from error
    except UnknownNameError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except StartError as error:
        typer.echo(f"{error.name} did not start: {error.reason}", err=True)
        if error.log:
            typer.echo(f"Its log: {error.log}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("Stopped.", err=True)
        raise typer.Exit(130) from error


def setup() -> None:
    """Install what the stack needs: Python environments, JVM artefacts, a JDK."""
    from rich.console import Console

    from stack.setup.artefacts import DamagedError
    from stack.setup.environments import InstallError
    from stack.setup.jdk import MissingJdkError
    from stack.setup.run import setup as install

    with reported() as settings:
        try:
            install(settings, Console())
        except (DamagedError, InstallError, MissingJdkError, OSError, RuntimeError) as error:
            typer.echo(f"Set-up stopped: {error}. Run it again to go on.", err=True)
            raise typer.Exit(1) from error


def up(
    names: Names = None,
    traders: Annotated[bool, typer.Option(help="Start the market clock, the buyers and the sellers too.")] = True,
) -> None:
    """Start the stack, or the named servers and what they need."""
    from rich.console import Console

    from stack.supervisor import up as start

    console = Console(highlight=False)
    going: set[str] = set()
    with reported() as settings, console.status("Starting …") as spinner:

        def told(name: str, what: str, seconds: float) -> None:
            going.symmetric_difference_update({name})
            if what == "ready":
                console.print(f"[green]✓[/] {name:<20} {seconds:6.1f} s")
            spinner.update(f"Starting {', '.join(sorted(going))} …")

        start(settings, names, traders, told)


def down(names: Names = None) -> None:
    """Stop the stack, or the named servers and what needs them."""
    from stack.supervisor import down as stop

    with reported() as settings:
        stop(settings, names)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    passwords: Annotated[bool, typer.Option("--passwords", help="How to log in, and nothing else.")] = False,
) -> None:
    """Show what runs: state, pid, memory, address, uptime."""
    from stack.statuses import as_table, to_json
    from stack.supervisor import status as look

    with reported() as settings:
        if passwords:
            secrets = settings.secrets()
            for user, password, may in (
                ("admin", secrets.superset_password, "edits"),
                ("analyst", secrets.superset_analyst_password, "reads only"),
            ):
                typer.echo(f"Superset    {settings.superset}  user {user}, password {password}  ({may})")
            typer.echo(f"PostgreSQL  {settings.postgres('tickhouse', 'reader')}  (reads only)")
            return
        lines = look(settings)
        if as_json:
            typer.echo(to_json(lines))
        else:
            from rich.console import Console

            Console().print(as_table(lines))


def logs(
    name: Annotated[str, typer.Argument(help="A server, as `tickhouse status` names it.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
) -> None:
    """Show the log of a server."""
    import os

    from stack.model import named
    from stack.services import services
    from stack.supervisord import log_file

    with reported() as settings:
        nodes = services(settings)
        files = [
            log_file(settings, "supervisord" if name == "supervisord" else node.name) for node in named(nodes, name)
        ]
        present = [str(file) for file in files if file.exists()]
        if not present:
            typer.echo(f"{name} has not written anything yet", err=True)
            raise typer.Exit(1)
        os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), *present])  # noqa: S606


def doctor() -> None:
    """Look for what would keep the stack from working, and say what to do."""
    from stack.doctor import findings

    with reported() as settings:
        found = findings(settings)
        for finding in found:
            typer.echo(f"✗ {finding.what}\n  {finding.advice}")
        if found:
            raise typer.Exit(1)
        typer.echo("Nothing is wrong.")
