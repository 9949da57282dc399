"""Set up, start, look at and stop the stack."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command("setup")(setup)


def setup() -> None:
    """Install what the stack needs: Python environments, JVM artefacts, a JDK."""
    from rich.console import Console

    from stack.setup.run import setup as install
    from streaming.contracts.settings import settings

    install(settings(), Console())
