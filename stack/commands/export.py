"""`tickhouse export`: a symbol's trading day in the file formats that researchers' tools read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from lakehouse.exports.days import Day

Symbol = Annotated[str, typer.Argument(help="The symbol, such as `ACME`")]
Date = Annotated[str, typer.Argument(metavar="DATE", help="The trading day in New York, as 2026-11-20")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="The folder for the files; it is made if it is missing")]
Events = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Read events from a file with one a line, or from a folder of `*.events.jsonl`, instead of the lake; they "
        "must reach back to the symbol's first event. Can be repeated",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Write files anew that are there already")]


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    area = typer.Typer(no_args_is_help=True, help="Write a symbol's trading day in the formats that other tools read.")
    area.command("lobster")(lobster)
    area.command("mbo")(mbo)
    app.add_typer(area, name="export", rich_help_panel="The lake")


def lobster(
    symbol: Symbol,
    date: Date,
    levels: Annotated[int, typer.Option(min=1, max=1_000, help="Prices a side in the order-book file")] = 10,
    out: Out = Path(),
    events: Events = None,
    force: Force = False,
) -> None:
    """Write LOBSTER's message file and order-book file.

    Exits with 1 if there is nothing to export, if an event is missing, or if a file is there already.
    """
    with exporting(symbol, date, events) as (day, track):
        from lakehouse.exports.lobster import write_lobster

        messages, book, count = write_lobster(day, levels, out, force=force, progress=track)
    tell(day, f"{count:,} messages", messages, book)


def mbo(symbol: Symbol, date: Date, out: Out = Path(), events: Events = None, force: Force = False) -> None:
    """Write a file of market-by-order records in Databento's CSV encoding.

    Exits with 1 if there is nothing to export, if an event is missing, or if the file is there already.
    """
    with exporting(symbol, date, events) as (day, track):
        from lakehouse.exports.mbo import write_mbo

        path, count = write_mbo(day, out, force=force, progress=track)
    tell(day, f"{count:,} records", path)


@contextmanager
def exporting(symbol: str, date: str, events: list[Path] | None) -> Iterator[tuple[Day, Callable[[Any], Any]]]:
    """The day, and what shows the progress of writing it; what goes wrong becomes one line and exit code 1."""
    from pydantic import ValidationError
    from pyiceberg.exceptions import NoSuchTableError
    from rich.console import Console
    from rich.progress import Progress
    from sqlalchemy.exc import OperationalError

    from lakehouse.exports.days import ExportError
    from lakehouse.exports.sources import day_from_files, day_from_lake
    from streaming.contracts.settings import settings

    try:
        when = dt.date.fromisoformat(date)
    except ValueError as error:
        fail(f"{date} is no date: a trading day is written as 2026-11-20", error)
    symbol = symbol.upper()
    try:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            reading = progress.add_task(f"reading {symbol} on {when}", total=None)
            day = day_from_files(events, symbol, when) if events else day_from_lake(settings(), symbol, when)
            progress.remove_task(reading)
            yield day, lambda updates: progress.track(updates, description="writing")
    except ExportError as error:
        fail(str(error), error)
    except OperationalError as error:
        fail("The lake's catalog does not answer: start PostgreSQL with `tickhouse up postgres`", error)
    except NoSuchTableError as error:
        fail(f"{error}. `tickhouse tables` lists what there is", error)
    except ValidationError as error:
        fail(f"The settings are wrong: {error}", error)


def tell(day: Day, what: str, *paths: Path) -> None:
    """Say what was written."""
    for path in paths:
        typer.echo(path)
    typer.echo(f"{day.symbol} on {day.date}: {day.events:,} events, {what}", err=True)
    if day.session != "closed":
        typer.echo("The market has not closed on that day: there may be more to come.", err=True)


def fail(message: str, cause: BaseException) -> NoReturn:
    """Say what went wrong, and leave with exit code 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1) from cause
