"""`tickhouse realism`: does a simulated month look like a real market?"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(realism)


def realism(
    seed: Annotated[int | None, typer.Option(min=0, help="Everything random follows from it")] = None,
    days: Annotated[int, typer.Option(min=2, help="Trading days; the bounds are meant for a month")] = 21,
    end: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last of them; default: the market's last complete trading day"),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Measure this history run's files, whatever the other options say",
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the table as Markdown too; in a file like docs/realism.md only its place"
        ),
    ] = None,
    plots: Annotated[Path | None, typer.Option(metavar="DIR", help="Draw the facts as PNG files")] = None,
) -> None:
    """Measure the stylised facts of a simulated month, and judge them by bounds from the literature.

    Without --run the month is traded in the shadow market first, if its files are not there yet. Exits with 1 where
    fewer facts hold than must, with 2 where there is nothing to measure.
    """
    from rich.console import Console

    from simulators.calendar import NotATradingDayError, last_complete_trading_day
    from simulators.realism.command import run_realism
    from simulators.realism.market_data import NoFilesError
    from simulators.realism.measure import TooQuietError
    from simulators.runs import make_run
    from simulators.settings import simulator_settings
    from streaming.contracts.settings import settings

    defaults = simulator_settings()
    last = end.date() if end else last_complete_trading_day(dt.datetime.now(dt.UTC)).date
    chosen = defaults.seed if seed is None else seed
    try:
        made = None if run else make_run(chosen, days, last, defaults.orders_per_day)
        raise typer.Exit(run_realism(settings().home, made, run, Console(), markdown, plots))
    except NotATradingDayError as error:
        raise typer.BadParameter(str(error), param_hint="--end") from None
    except (NoFilesError, TooQuietError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
