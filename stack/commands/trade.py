"""`tickhouse history` and `tickhouse order`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(history)


def history(
    days: Annotated[int, typer.Option(min=1, help="Trading days")] = 5,
    end: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last of them; default: the market's last complete trading day"),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Everything random follows from it")] = None,
    orders_per_day: Annotated[int | None, typer.Option(min=1, help="New orders a day, of all traders together")] = None,
    generate_only: Annotated[bool, typer.Option(help="Write the files, and send nothing")] = False,
) -> None:
    """Trade a number of past days, and check that the exchange did exactly what a shadow market does.

    The same options give the same orders to the byte. Interrupted and run again, it resumes.
    """
    from rich.console import Console

    from simulators.calendar import NotATradingDayError, last_complete_trading_day
    from simulators.history_command import run_history
    from simulators.runs import make_run
    from simulators.settings import simulator_settings
    from streaming.contracts.settings import settings

    defaults = simulator_settings()
    last = end.date() if end else last_complete_trading_day(dt.datetime.now(dt.UTC)).date
    try:
        run = make_run(defaults.seed if seed is None else seed, days, last, orders_per_day or defaults.orders_per_day)
    except NotATradingDayError as error:
        raise typer.BadParameter(str(error), param_hint="--end") from None
    raise typer.Exit(run_history(settings(), run, Console(), generate_only=generate_only))
