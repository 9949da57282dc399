"""`tickhouse demo`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from stack.commands.stack import reported


def register(app: typer.Typer) -> None:
    """Add this area's command."""
    app.command(rich_help_panel="The stack")(demo)


def demo(
    days: Annotated[int, typer.Option(min=1, help="Trading days of history")] = 21,
    end: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last of them; default: the market's last complete trading day"),
    ] = None,
    orders_per_day: Annotated[int, typer.Option(min=1, help="New orders a day of history, of all traders")] = 4_000,
    scenario: Annotated[str, typer.Option(help="What kind of days: a name (see `history --help`) or a file")] = "calm",
    live_seconds: Annotated[int, typer.Option(min=5, help="Seconds of live trading")] = 60,
    stop: Annotated[bool, typer.Option("--stop", help="Stop everything at the end")] = False,
) -> None:
    """Trade days of history and a minute live through the whole platform, and prove that nothing was lost.

    The stack is left running (see --stop). Run again, it goes on from what is there. The exit code is 0 only if every
    comparison agreed.
    """
    from rich.console import Console

    from simulators.calendar import NotATradingDayError, last_complete_trading_day
    from simulators.errors import SettingsError
    from simulators.runs import make_run
    from simulators.scenario import load_scenario
    from simulators.settings import simulator_settings
    from stack.demo import Demo, DemoError
    from stack.supervisor import down

    console = Console(highlight=False)
    with reported() as settings:
        last = end.date() if end else last_complete_trading_day(dt.datetime.now(dt.UTC)).date
        try:
            run = make_run(simulator_settings().seed, days, last, orders_per_day, None, load_scenario(scenario))
        except SettingsError as error:
            raise typer.BadParameter(str(error), param_hint="--scenario") from None
        except NotATradingDayError as error:
            raise typer.BadParameter(str(error), param_hint="--end") from None
        try:
            Demo(settings, run, live_seconds, console).play()
        except DemoError as error:
            console.print(f"[red]{error}[/]", soft_wrap=True)
            raise typer.Exit(1) from error
        finally:
            if stop:
                with console.status("Stopping …"):
                    down(settings)
