"""`tickhouse history` and `tickhouse order`."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command()(history)
    orders = typer.Typer(help="Trade beside the simulated traders.", no_args_is_help=True)
    orders.command("new")(new)
    orders.command("cancel")(cancel)
    app.add_typer(orders, name="order")


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


class Side(StrEnum):
    """What a person may do."""

    BUY = "buy"
    SELL = "sell"


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


Symbol = Annotated[str, typer.Argument(help="Such as ACME")]
TraderId = Annotated[int, typer.Option("--trader", help="Whose account: 1 or 2")]


def new(
    symbol: Symbol,
    side: Annotated[Side, typer.Argument(help="buy or sell")],
    quantity: Annotated[int, typer.Argument(min=1, help="Shares")],
    limit: Annotated[
        int | None, typer.Option(parser=_price, metavar="PRICE", help="Dollars; without it, a market order")
    ] = None,
    trader: TraderId = 1,
) -> None:
    """Send an order for the day, and print what the exchange answers."""
    from rich.console import Console

    from simulators.order_command import ask
    from streaming.contracts.settings import settings

    code = ask(settings(), Console(), trader, lambda teller: teller.new(symbol.upper(), side.value, quantity, limit))
    raise typer.Exit(code)


def cancel(
    symbol: Symbol,
    order_id: Annotated[int, typer.Argument(min=1, help="As `order new` printed it")],
    trader: TraderId = 1,
) -> None:
    """Take what is left of an order off the book."""
    from rich.console import Console

    from simulators.order_command import ask
    from streaming.contracts.settings import settings

    raise typer.Exit(ask(settings(), Console(), trader, lambda teller: teller.cancel(symbol.upper(), order_id)))
