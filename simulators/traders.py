"""What a trader sees, is asked, and answers; ids and roles. How they decide is in `simulators.behaviours`.

Each day most traders either buy or sell, and swap the next day, so that nobody runs dry. Who quotes or works orders
on both sides (market makers, institutions) does so every day, from the service of its own number.

Prices are in 1/10,000 dollar, times in microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from streaming.contracts.events import Price, Side

BPS = 1e-4
USUAL_MOVE = 7 * BPS
"""A minute's move that a trader expects before it has seen any, as a share of the price."""


class Turn(NamedTuple):
    """A trader turns to a symbol. The rest are the draws that the decision uses.

    `normal` is a standard normal number, `style` and `distance` are uniform on [0, 1), `size` is a multiple of the
    trader's usual quantity.
    """

    time: int
    symbol: str
    trader_id: int
    normal: float
    style: float
    distance: float
    size: float


@dataclass(slots=True)
class View:
    """What a trader sees of a symbol: the day's collar and tick, the latest prices, and how they have moved.

    `trend` is an exponential mean of the price over about ten minutes, `move` one of a minute's absolute move,
    `jump` the last minute's.
    """

    tick: int
    lower: int
    upper: int
    last: int
    trend: float
    bid: int | None = None
    ask: int | None = None
    bid_quantity: int = 0
    ask_quantity: int = 0
    move: float = 0.0
    jump: float = 0.0
    before: float = 0.0

    def __post_init__(self) -> None:
        self.before = self.trend
        self.move = self.move or USUAL_MOVE * self.last

    @property
    def middle(self) -> float:
        """Between the best prices; the last price where a side is empty."""
        return (self.bid + self.ask) / 2 if self.bid and self.ask else float(self.last)

    def see(self, price: Price) -> None:
        """Take in a price message."""
        if price.last_price is not None:
            self.last = price.last_price
        self.bid, self.ask = price.bid_price, price.ask_price
        self.bid_quantity, self.ask_quantity = price.bid_quantity or 0, price.ask_quantity or 0

    def taking(self, side: Side, quantity: int, patience: int) -> Wish | None:
        """An order that takes what the other side shows at its best price, and no more; None where it shows nothing.

        Traders look at what is there before they take it (J. D. Farmer et al., Quantitative Finance 4(4), 2004): an
        order larger than that goes no further than this price, and waits there.
        """
        best, shown = (self.ask, self.ask_quantity) if side == "buy" else (self.bid, self.bid_quantity)
        if best is None:
            return None
        return Wish(side, None, quantity) if quantity <= shown else Wish(side, best, quantity, patience)

    def minute_over(self, minutes: int = 1) -> None:
        """Let what is remembered follow the price."""
        middle = self.middle
        self.jump = middle - self.before
        self.before = middle
        for _ in range(min(minutes, 60)):
            self.trend += 0.1 * (middle - self.trend)
            self.move += 0.03 * (abs(self.jump) / minutes**0.5 - self.move)


class Wish(NamedTuple):
    """The order that a trader would like to send; `price` is None for a market order.

    `patience` is how long it may stay, in microseconds; 0: until the close.
    """

    side: Side
    price: int | None
    quantity: int
    patience: int = 0


class Quotes(NamedTuple):
    """What a market maker would like to show on both sides.

    An old quote stays as it is while its price is this `near`, and there are `least` shares left of it.
    """

    bid: int
    ask: int
    quantity: int
    near: float
    least: int


def role(trader_id: int, date: dt.date) -> Side:
    """Whether a trader buys or sells on a day."""
    return "buy" if (trader_id + date.toordinal()) % 2 == 0 else "sell"


def home(trader_id: int) -> Side:
    """Which service acts for a trader who trades on both sides: that of the buyers or of the sellers."""
    return "buy" if trader_id % 2 == 0 else "sell"


def first_order_id(trader_id: int, date: dt.date) -> int:
    """The order id before a trader's first of the day: they rise for ever and are unique across traders."""
    return trader_id * 10**10 + (date.toordinal() - 700_000) * 10**5


def order_date(order_id: int) -> dt.date:
    """The trading date that an order id was given on."""
    return dt.date.fromordinal(order_id // 10**5 % 10**5 + 700_000)


def on_tick(price: float, tick: int, side: Side) -> int:
    """A price rounded to a tick, away from the other side."""
    return int(price // tick) * tick if side == "buy" else -int(-price // tick) * tick


def pareto(uniform: float, tail: float) -> float:
    """A number of Pareto's law with mean 1 and the given exponent, from a uniform one on [0, 1); at most 40."""
    least = (tail - 1.0) / tail
    return min(float(least * (1.0 - uniform) ** (-1.0 / tail)), 40.0)
