"""The ladder of `tickhouse match --book-at`: a symbol's book, price by price, as it stood at a time."""

from __future__ import annotations

import datetime as dt

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streaming.contracts.money import CENT, to_decimal
from streaming.matching.book import Level
from streaming.matching.market import SymbolMarket
from streaming.matching.replay import Standing
from streaming.matching.rules import LATEST

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


def moment(text: str) -> int:
    """Microseconds since the epoch from ISO 8601 (UTC where it names no offset) or from such a number; ValueError."""
    if text.isascii() and text.isdigit():
        time = int(text)
    else:
        when = dt.datetime.fromisoformat(text)
        time = (when.replace(tzinfo=when.tzinfo or dt.UTC) - EPOCH) // MICROSECOND
    if not 0 <= time <= LATEST:
        raise ValueError(f"{text} is not within the years 1970 to 2100")
    return time


def show(symbol: str, standing: Standing, time: int, levels: int, console: Console) -> None:
    """Print how a symbol's market stood: a heading, then its best `levels` of each side, the highest price first."""
    market = standing.market
    _say(console, f"{symbol} at {_utc(time)}: {_situation(market)}", "bold")
    if not standing.last and not market.sequence:
        _say(console, f"{symbol} had no command by then: the book is empty.")
    elif not standing.later:
        _say(console, f"No command of {symbol} is later: this is its last state, of {_utc(standing.last)}.")
    bids, asks = market.book.bids.in_order(), market.book.asks.in_order()
    if bids or asks:
        console.print(_table(bids[:levels], asks[:levels]))
    elif market.sequence:
        _say(console, "No order stands on the book.")
    more = [
        f"{len(side) - levels:,} more of {name}"
        for name, side in (("the bids", bids), ("the asks", asks))
        if len(side) > levels
    ]
    if more:
        _say(console, f"Further prices: {', '.join(more)}.")


def _say(console: Console, words: str, style: str = "") -> None:
    console.print(Text(words, style), soft_wrap=True)


def _situation(market: SymbolMarket) -> str:
    price = market.price()
    words: list[str] = [market.session.replace("_", " ")]
    if market.session == "continuous" and not market.matching:
        words.append("halted or paused")
    words.append("no trade yet" if price.last_price is None else f"last price {_dollars(price.last_price)}")
    if price.indicative_price is not None:
        words.append(f"an auction would trade {price.indicative_quantity:,} at {_dollars(price.indicative_price)}")
    return ", ".join(words)


def _table(bids: list[Level], asks: list[Level]) -> Table:
    hidden = any(level.left > level.shown for level in (*bids, *asks))
    table = Table()
    for name in ("bid orders", "bid quantity", "price", "ask quantity", "ask orders"):
        table.add_column(f"{name} (hidden)" if hidden and "quantity" in name else name, justify="right")
    bid, ask = {level.price: level for level in bids}, {level.price: level for level in asks}
    for price in sorted({*bid, *ask}, reverse=True):
        orders, quantity = _cells(bid.get(price), "green")
        other_orders, other_quantity = _cells(ask.get(price), "red")
        table.add_row(orders, quantity, _dollars(price), other_quantity, other_orders)
    return table


def _cells(level: Level | None, colour: str) -> tuple[Text, Text]:
    """How many orders a level has, and their shares."""
    if level is None:
        return Text(), Text()
    orders, order = 0, level.first
    while order is not None:
        orders, order = orders + 1, order.newer
    hidden = level.left - level.shown
    quantity = f"{level.shown:,} ({hidden:,})" if hidden else f"{level.shown:,}"
    return Text(f"{orders:,}", colour), Text(quantity, colour)


def _dollars(price: int) -> str:
    return f"{to_decimal(price):,.{4 if price % CENT else 2}f}"


def _utc(time: int) -> str:
    return f"{(EPOCH + time * MICROSECOND).replace(tzinfo=None).isoformat(' ')} UTC"
