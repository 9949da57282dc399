"""`tickhouse book`: a symbol's book as it stood at any market time, from the lake's tables alone."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lakehouse.reconstruction.answer import StoredBook
    from lakehouse.reconstruction.store import Store
    from streaming.contracts.events import Side

WRONG_USE = 2
SPANS = {"s": dt.timedelta(seconds=1), "m": dt.timedelta(minutes=1), "h": dt.timedelta(hours=1)}
UTC = "yyyy-MM-dd'T'HH:mm:ss'Z'"
SIDES: dict[str, Side] = {"bids": "buy", "asks": "sell"}


def register(app: typer.Typer) -> None:
    """Add this area's commands."""
    app.command("book", rich_help_panel="The lake")(book)


def book(
    symbol: Annotated[str, typer.Argument(help="The symbol, such as `ACME`")],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The market's time: ISO 8601 (UTC if it names no offset), or microseconds since 1970",
            show_default=False,
        ),
    ] = None,
    sequence: Annotated[
        int | None,
        typer.Option(metavar="N", help="After the symbol's event N, instead of at a time", show_default=False),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="At regular instants of this trading day in New York, as 2026-11-20, by Spark: levels 1 and 2",
            show_default=False,
        ),
    ] = None,
    every: Annotated[str, typer.Option(metavar="SPAN", help="Between the instants of a day: 30s, 1m, 1h")] = "1m",
    level: Annotated[int, typer.Option(min=1, max=3, help="1 best prices, 2 prices, 3 orders and their places")] = 2,
    levels: Annotated[int, typer.Option(min=1, help="How many prices of each side to print")] = 10,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="SNAPSHOT",
            help="Read the tables as a commit left them: the id of an Iceberg snapshot, or a tag. This is the time of "
            "the commit, not the market's",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The whole book as a JSON object; prices in 1/10,000 dollar")
    ] = False,
) -> None:
    """Show a symbol's book as it stood at any time of the stored market.

    Exits with 1 where it is not stored, with 2 where an option is not usable.
    """
    from psycopg import OperationalError
    from pydantic import ValidationError

    from streaming.contracts.settings import settings

    if [at, sequence, day].count(None) != 2:
        _fail("say when: --at TIME, --sequence N, or --day DATE", WRONG_USE)
    if day is not None:
        _show_day(symbol.upper(), _date(day), _span(every), level, levels, as_of, as_json=as_json)
        return
    with _without_pandas():
        from lakehouse.reconstruction.instant import book_after, book_at
        from lakehouse.reconstruction.store import StoreError, open_store

    time = None if at is None else _moment(at)
    symbol = symbol.upper()
    try:
        store = open_store(settings(), as_of)
        found = book_after(store, symbol, sequence or 0) if time is None else book_at(store, symbol, time)
    except StoreError as error:
        _fail(str(error), cause=error)
    except OperationalError as error:
        _fail("The lake's catalog does not answer: start PostgreSQL with `tickhouse up postgres`", cause=error)
    except ValidationError as error:
        _fail(f"The settings are wrong: {error}", WRONG_USE, error)
    if as_json:
        _print_json(store, found, level)
    else:
        _show(found, time, level, levels)


class _NoPandas:
    """Finds no pandas."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """What the import system asks of who stands in `sys.meta_path`."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


@contextmanager
def _without_pandas() -> Iterator[None]:
    """PyArrow imports pandas where it finds it, which nothing here needs: a third of the command's time."""
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        import pyiceberg.io.pyarrow  # noqa: F401  # what would import it later

        yield
    finally:
        sys.meta_path.remove(finder)


def _moment(text: str) -> int:
    from stack.commands.ladder import TIMES, moment

    try:
        return moment(text)
    except ValueError as error:
        _fail(f"--at {text}: no such time; needed is {TIMES}", WRONG_USE, error)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        _fail(f"--day {text}: no such date; a trading day is written as 2026-11-20", WRONG_USE, error)


def _span(text: str) -> dt.timedelta:
    number, unit = text[:-1], SPANS.get(text[-1:])
    if unit is None or not number.isdecimal() or not int(number):
        _fail(f"--every {text}: no such span; needed is a whole number and s, m or h, as 30s", WRONG_USE)
    return int(number) * unit


def _show_day(
    symbol: str, date: dt.date, every: dt.timedelta, level: int, levels: int, as_of: str | None, *, as_json: bool
) -> None:
    from stack.commands.lake import explained, show

    if level == 3 or as_of is not None:
        _fail("--day tells levels 1 and 2 of the tables as they are now", WRONG_USE)
    with explained() as settings:
        from pyspark.errors import PythonException
        from pyspark.sql.functions import date_format

        from lakehouse.reconstruction.day import day_books
        from lakehouse.spark import spark_session

        session = spark_session(settings, "tickhouse-book")
        try:
            found = day_books(session, date, every, symbol=symbol, levels=1 if level == 1 else levels)
            found = found.orderBy("event_time", "side", "level").withColumn(
                "event_time", date_format("event_time", UTC)
            )
            rows = [tuple(row) for row in found.collect()]
        except PythonException as error:
            if told := re.search(r"StoreError: (.+)", str(error)):
                _fail(told[1], cause=error)
            raise
        finally:
            session.stop()
        if not rows:
            _fail(f"nothing of {symbol} is stored of {date}: the symbol is unknown, or the day is not loaded")
        show(found.columns, rows, as_csv=not as_json, as_json=as_json)


def _print_json(store: Store, found: StoredBook, level: int) -> None:
    import msgspec

    answer: dict[str, Any] = {
        "symbol": found.symbol,
        "sequence": found.sequence,
        "event_time": found.event_time,
        "session": found.session,
        "halted": found.halted,
        "level": level,
    }
    for name, side in SIDES.items():
        if level == 3:
            answer[name] = [order for order in found.orders if order.side == side]
        else:
            answer[name] = found.levels(side, 1 if level == 1 else None)
    answer |= {"base_sequence": found.base_sequence, "events_since": found.events, "read": store.states}
    typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())


def _show(found: StoredBook, time: int | None, level: int, levels: int) -> None:
    from rich.console import Console

    from stack.commands.ladder import Rung, draw, say, utc

    console = Console()
    session = found.session.replace("_", " ") + (", halted or paused" if found.halted else "")
    when = utc(found.event_time) if time is None else utc(time)
    say(console, f"{found.symbol} at {when}: {session}, after event {found.sequence:,}", "bold")
    if not found.orders:
        say(console, "No order stands on the book.")
    elif level == 3:
        _show_orders(found, levels, console)
    else:
        bids, asks = (
            [Rung(row.price, row.shown, row.hidden, row.orders) for row in side]
            for side in (found.levels("buy"), found.levels("sell"))
        )
        draw(console, bids[:1] if level == 1 else bids, asks[:1] if level == 1 else asks, levels)


def _show_orders(found: StoredBook, levels: int, console: Console) -> None:
    """Each order of the best prices, with the shares that trade before its own at its price."""
    from rich.table import Table

    from stack.commands.ladder import dollars

    table = Table()
    for name in ("side", "price", "order", "trader", "shown", "hidden", "ahead"):
        table.add_column(name, justify="left" if name == "side" else "right")
    near = {(side, row.price) for side in SIDES.values() for row in found.levels(side, levels)}
    for order in found.orders:
        if (order.side, order.price) not in near:
            continue
        numbers = (order.shown_quantity, order.quantity - order.shown_quantity, order.ahead)
        table.add_row(
            "bid" if order.side == "buy" else "ask",
            dollars(order.price),
            str(order.order_id),
            str(order.trader_id),
            *(f"{number:,}" for number in numbers),
            style="green" if order.side == "buy" else "red",
        )
    console.print(table)


def _fail(message: str, code: int = 1, cause: BaseException | None = None) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code) from cause
