"""`tickhouse history` and `tickhouse order`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from simulators.answers import Answer
    from simulators.person import Teller


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(history)
    orders = typer.Typer(help="Trade beside the simulated traders.", no_args_is_help=True)
    orders.command("new")(new)
    orders.command("replace")(replace)
    orders.command("cancel")(cancel)
    orders.command("cancel-all")(cancel_all)
    app.add_typer(orders, name="order")


def history(
    days: Annotated[int, typer.Option(min=1, help="Trading days")] = 5,
    end: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last of them; default: the market's last complete trading day"),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Everything random follows from it")] = None,
    population: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The settings file that says who trades; default: Tickhouse's own"),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="What kind of days: a name (see below), or a settings file")
    ] = None,
    orders_per_day: Annotated[
        int | None, typer.Option(min=1, help="Turns a day, of all ordinary traders; default: the population's")
    ] = None,
    generate_only: Annotated[bool, typer.Option(help="Write the files, and send nothing")] = False,
) -> None:
    """Trade a number of past days, and check that the exchange did exactly what a shadow market does.

    The same options give the same orders to the byte. Interrupted and run again, it resumes.

    Scenarios: calm, trending, crash_and_rebound, flash_crash, news_shock, liquidity_drought, day_of_halts.
    """
    from rich.console import Console
    from rich.markup import escape

    from simulators.calendar import NotATradingDayError, last_complete_trading_day
    from simulators.errors import SettingsError
    from simulators.history_command import run_history
    from simulators.population import load_population
    from simulators.runs import make_run
    from simulators.scenario import load_scenario
    from simulators.settings import simulator_settings
    from streaming.contracts.settings import settings

    defaults = simulator_settings()
    last = end.date() if end else last_complete_trading_day(dt.datetime.now(dt.UTC)).date
    try:
        run = make_run(
            defaults.seed if seed is None else seed,
            days,
            last,
            orders_per_day or defaults.orders_per_day,
            load_population(population or defaults.population),
            load_scenario(scenario or defaults.scenario),
        )
    except SettingsError as error:
        Console(stderr=True).print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from None
    except NotATradingDayError as error:
        raise typer.BadParameter(str(error), param_hint="--end") from None
    raise typer.Exit(run_history(settings(), run, Console(), generate_only=generate_only))


class Side(StrEnum):
    """What a person may do."""

    BUY = "buy"
    SELL = "sell"


class TimeInForce(StrEnum):
    """How long an order is good for."""

    DAY = "day"
    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"
    AT_THE_OPEN = "at_the_open"
    AT_THE_CLOSE = "at_the_close"


class SelfTradePrevention(StrEnum):
    """What happens where an order meets one of the same trader."""

    NONE = "none"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"
    DECREMENT_AND_CANCEL = "decrement_and_cancel"


def _price(text: str) -> int:
    """A price typed in dollars, in 1/10,000 dollar."""
    from streaming.contracts.money import from_decimal

    try:
        price = from_decimal(Decimal(text))
    except (ArithmeticError, ValueError):
        raise typer.BadParameter(f"{text!r} is no price: dollars with at most four decimals, such as 100.05") from None
    if price <= 0:
        raise typer.BadParameter(f"{text} is not above zero")
    return price


def _moment(text: str) -> dt.datetime | dt.time:
    """A date and time, or a time of the trading day."""
    for read in (dt.time.fromisoformat, dt.datetime.fromisoformat):
        with suppress(ValueError):
            return read(text)
    raise typer.BadParameter(f"{text!r} is no time, such as 15:30 or 2026-11-24T15:30 (New York)")


Symbol = Annotated[str, typer.Argument(help="Such as ACME")]
OrderId = Annotated[int, typer.Argument(min=1, help="As `order new` printed it")]
TraderId = Annotated[int, typer.Option("--trader", help="Whose account: 1 or 2")]
Price = {"parser": _price, "metavar": "PRICE"}


def new(
    symbol: Symbol,
    side: Annotated[Side, typer.Argument(help="buy or sell")],
    quantity: Annotated[int, typer.Argument(min=1, help="Shares")],
    limit: Annotated[int | None, typer.Option(help="Dollars; without it, at the market", **Price)] = None,
    stop: Annotated[int | None, typer.Option(help="Wait until this price, in dollars, has traded", **Price)] = None,
    display: Annotated[int | None, typer.Option(min=1, help="Show others only so many shares at a time")] = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="Refuse it if it would trade at once")] = False,
    tif: Annotated[
        TimeInForce | None, typer.Option(help="Good for how long; default: the day", show_default=False)
    ] = None,
    expire: Annotated[
        dt.datetime | None,
        typer.Option(parser=_moment, metavar="TIME", help="Until when: 15:30 or 2026-11-24T15:30, New York (gtd)"),
    ] = None,
    stp: Annotated[
        SelfTradePrevention | None, typer.Option(help="What to do where it meets an order of your own")
    ] = None,
    trader: TraderId = 1,
) -> None:
    """Send an order, and print what the exchange answers. What it may cost must be there: it is set aside first."""
    from simulators.ticket import Ticket

    if expire is not None and tif not in (None, TimeInForce.GTD):
        raise typer.BadParameter(f"an order with --expire is gtd, not {tif}", param_hint="--tif")
    if expire is None and tif is TimeInForce.GTD:
        raise typer.BadParameter("a gtd order needs it", param_hint="--expire")
    ticket = Ticket(
        symbol=symbol.upper(),
        side=side.value,
        quantity=quantity,
        limit=limit,
        stop=stop,
        display=display,
        time_in_force=tif.value if tif else "day" if expire is None else "gtd",
        expire=expire,
        post_only=post_only,
        self_trade_prevention=stp.value if stp else None,
    )
    _ask(trader, lambda teller: teller.new(ticket))


def replace(
    symbol: Symbol,
    order_id: OrderId,
    quantity: Annotated[
        int | None, typer.Option(min=1, help="The new total, what has traded included; default: as it is")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The new limit in dollars", **Price)] = None,
    stop: Annotated[int | None, typer.Option(help="The new stop price in dollars", **Price)] = None,
    trader: TraderId = 1,
) -> None:
    """Change an open order. With the same prices and no more shares it keeps its place in the queue."""
    if quantity is None and limit is None and stop is None:
        raise typer.BadParameter("nothing to change: give --quantity, --limit or --stop")
    _ask(trader, lambda teller: teller.replace(symbol.upper(), order_id, quantity, limit, stop))


def cancel(symbol: Symbol, order_id: OrderId, trader: TraderId = 1) -> None:
    """Take what is left of an order off the book."""
    _ask(trader, lambda teller: teller.cancel(symbol.upper(), order_id))


def cancel_all(symbol: Symbol, trader: TraderId = 1) -> None:
    """Take all that is left of your orders in a symbol off the book."""
    _ask(trader, lambda teller: teller.cancel_all(symbol.upper()))


def _ask(trader: int, question: Callable[[Teller], Answer]) -> NoReturn:
    from rich.console import Console

    from simulators.order_command import ask
    from streaming.contracts.settings import settings

    raise typer.Exit(ask(settings(), Console(), trader, question))
