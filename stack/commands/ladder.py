"""What commands that show a book share: a time on the command line, and the ladder, price by price."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from streaming.contracts.commands import Micros
from streaming.contracts.money import CENT, to_decimal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
TIMES = (
    "ISO 8601, as 2026-01-02T14:30:00Z (UTC if it names no offset), or whole microseconds since 1970, up to the year "
    "2100"
)
"""How a time is written."""


@dataclass(frozen=True)
class Rung:
    """A price of one side: the shares that are shown, those that are hidden, and how many orders."""

    price: int
    shown: int
    hidden: int
    orders: int


def moment(text: str) -> int:
    """Microseconds since the epoch from what `TIMES` says; ValueError."""
    if text.isascii() and text.isdigit():
        time = int(text)
    else:
        when = dt.datetime.fromisoformat(text)
        time = (when.replace(tzinfo=when.tzinfo or dt.UTC) - EPOCH) // MICROSECOND
    try:
        return msgspec.convert(time, Micros)
    except msgspec.ValidationError as error:
        raise ValueError(f"{text} is not within the years 1970 to 2100") from error


def dollars(price: int) -> str:
    """A price in words."""
    return f"{to_decimal(price):,.{4 if price % CENT else 2}f}"


def utc(time: int) -> str:
    """A time in words."""
    return f"{(EPOCH + time * MICROSECOND).replace(tzinfo=None).isoformat(' ')} UTC"


def say(console: Console, words: str, style: str = "") -> None:
    """A line, of whatever length."""
    from rich.text import Text

    console.print(Text(words, style), soft_wrap=True)


def draw(console: Console, bids: Sequence[Rung], asks: Sequence[Rung], levels: int) -> None:
    """The best `levels` of each side, the highest price first, and how many more there are."""
    console.print(_table(bids[:levels], asks[:levels]))
    more = [
        f"{len(side) - levels:,} more of {name}"
        for name, side in (("the bids", bids), ("the asks", asks))
        if len(side) > levels
    ]
    if more:
        say(console, f"Further prices: {', '.join(more)}.")


def _table(bids: Sequence[Rung], asks: Sequence[Rung]) -> Table:
    from rich.table import Table

    hidden = any(rung.hidden for rung in (*bids, *asks))
    table = Table()
    for name in ("bid orders", "bid quantity", "price", "ask quantity", "ask orders"):
        table.add_column(f"{name} (hidden)" if hidden and "quantity" in name else name, justify="right")
    bid, ask = {rung.price: rung for rung in bids}, {rung.price: rung for rung in asks}
    for price in sorted({*bid, *ask}, reverse=True):
        orders, quantity = _cells(bid.get(price), "green")
        other_orders, other_quantity = _cells(ask.get(price), "red")
        table.add_row(orders, quantity, dollars(price), other_quantity, other_orders)
    return table


def _cells(rung: Rung | None, colour: str) -> tuple[Text, Text]:
    """How many orders a price has, and their shares."""
    from rich.text import Text

    if rung is None:
        return Text(), Text()
    quantity = f"{rung.shown:,} ({rung.hidden:,})" if rung.hidden else f"{rung.shown:,}"
    return Text(f"{rung.orders:,}", colour), Text(quantity, colour)
