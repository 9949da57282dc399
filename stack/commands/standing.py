"""What `tickhouse match --book-at` prints: a symbol's market as it stood at a time."""

from __future__ import annotations

from rich.console import Console

from stack.commands.ladder import Rung, dollars, draw, say, utc
from streaming.matching.book import Level
from streaming.matching.market import SymbolMarket
from streaming.matching.replay import Standing


def show(symbol: str, standing: Standing, time: int, levels: int, console: Console) -> None:
    """Print how a symbol's market stood: a heading, then its best `levels` of each side, the highest price first."""
    market = standing.market
    say(console, f"{symbol} at {utc(time)}: {_situation(market)}", "bold")
    if not standing.last and not market.sequence:
        say(console, f"{symbol} had no command by then: the book is empty.")
    elif not standing.later:
        say(console, f"No command of {symbol} is later: this is its last state, of {utc(standing.last)}.")
    bids, asks = market.book.bids.in_order(), market.book.asks.in_order()
    if bids or asks:
        draw(console, [*map(_rung, bids)], [*map(_rung, asks)], levels)
    elif market.sequence:
        say(console, "No order stands on the book.")


def _rung(level: Level) -> Rung:
    orders, order = 0, level.first
    while order is not None:
        orders, order = orders + 1, order.newer
    return Rung(level.price, level.shown, level.left - level.shown, orders)


def _situation(market: SymbolMarket) -> str:
    price = market.price()
    words: list[str] = [market.session.replace("_", " ")]
    if market.session == "continuous" and not market.matching:
        words.append("halted or paused")
    words.append("no trade yet" if price.last_price is None else f"last price {dollars(price.last_price)}")
    if price.indicative_price is not None:
        words.append(f"an auction would trade {price.indicative_quantity:,} at {dollars(price.indicative_price)}")
    return ", ".join(words)
