"""The `tickhouse` command. Each area adds its commands in `stack/commands/`."""

from __future__ import annotations

from importlib import import_module

import typer

app = typer.Typer(
    name="tickhouse",
    help="A stock exchange in a box, with a lakehouse behind it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

AREAS = ("stack", "demo", "trade", "market", "lake", "stored_book", "books", "realism", "export", "watch")

for area in AREAS:
    import_module(f"stack.commands.{area}").register(app)
