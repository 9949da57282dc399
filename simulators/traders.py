"""What the simulated traders do: when they act, and how they answer the prices they see.

They are zero-intelligence-constrained traders (D. K. Gode, S. Sunder, "Allocative Efficiency of Markets with
Zero-Intelligence Traders", Journal of Political Economy 101(1), 1993): an order never gives away more than the
trader's own valuation, and is otherwise drawn at random. The valuation is the fundamental value seen through noise,
drawn towards the market's price, and moved by the price's recent trend: bold traders follow it, cautious ones trade
against it.

Each day a trader either buys or sells, and swaps the next day, so that nobody runs dry. Their number of orders over
the day follows the U-shape of real markets (R. A. Wood, T. H. McInish, J. K. Ord, Journal of Finance 40(3), 1985).

Prices are in 1/10,000 dollar, times in microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulators.calendar import TradingDay
from simulators.fundamentals import MINUTES_A_DAY, Floats, stream
from streaming.contracts.codec import MINUTE
from streaming.contracts.events import Side
from streaming.contracts.reference import Trader

BPS = 1e-4
U_SHAPE = 2.2
"""At the open and the close there is 1 + U_SHAPE times as much trading as at noon."""


@dataclass(frozen=True)
class Profile:
    """How a kind of trader behaves.

    `noise`: standard deviation of the valuation's error. `margin`: the widest gain asked for. `anchor`: weight of
    the market's price in the valuation. `reaction`: how the recent trend moves it. `market_orders`: share of the orders
    that take a price they like with a market order. `quantity`: mean shares an order. `patience`: how long an order may
    stay on the book.
    """

    noise: float
    margin: float
    anchor: float
    reaction: float
    market_orders: float
    quantity: int
    patience: int


PROFILES = {
    "cautious": Profile(
        noise=4 * BPS, margin=16 * BPS, anchor=0.3, reaction=-0.2, market_orders=0.05, quantity=8, patience=15 * MINUTE
    ),
    "balanced": Profile(
        noise=6 * BPS, margin=14 * BPS, anchor=0.2, reaction=0.0, market_orders=0.15, quantity=15, patience=10 * MINUTE
    ),
    "bold": Profile(
        noise=9 * BPS, margin=12 * BPS, anchor=0.2, reaction=0.4, market_orders=0.3, quantity=30, patience=5 * MINUTE
    ),
}


class Action(NamedTuple):
    """A trader turns to a symbol. The rest are the draws that the decision uses."""

    time: int
    trader_id: int
    symbol: str
    noise: float
    margin: float
    style: float
    quantity: int


@dataclass(slots=True)
class View:
    """What a trader sees of a symbol: the day's collar and tick, the latest prices, and their recent trend."""

    tick: int
    lower: int
    upper: int
    last: int
    trend: float
    bid: int | None = None
    ask: int | None = None

    def see(self, last: int | None, bid: int | None, ask: int | None) -> None:
        """Take in a price message."""
        if last is not None:
            self.last = last
        self.bid, self.ask = bid, ask

    def minute_over(self, minutes: int = 1) -> None:
        """Let the trend, an exponential mean over about ten minutes, follow the price."""
        for _ in range(min(minutes, 60)):
            self.trend += 0.1 * (self.last - self.trend)


class Wish(NamedTuple):
    """The order that a trader would like to send; `price` is None for a market order."""

    side: Side
    price: int | None
    quantity: int


def role(trader_id: int, date: dt.date) -> Side:
    """Whether a trader buys or sells on a day."""
    return "buy" if (trader_id + date.toordinal()) % 2 == 0 else "sell"


def first_order_id(trader_id: int, date: dt.date) -> int:
    """The order id before a trader's first of the day: they rise for ever and are unique across traders."""
    return trader_id * 10**10 + (date.toordinal() - 700_000) * 10**5


def order_date(order_id: int) -> dt.date:
    """The trading date that an order id was given on."""
    return dt.date.fromordinal(order_id // 10**5 % 10**5 + 700_000)


def agenda(
    seed: int, trader: Trader, day: TradingDay, symbols: Sequence[str], traders: int, orders_per_day: int
) -> list[Action]:
    """What one of `traders` traders will turn to on a day, in order of time.

    A full day has `orders_per_day` turns of all traders together, on average.
    """
    random = stream(seed, f"trader {trader.trader_id}", day.date)
    profile = PROFILES[trader.risk_profile]
    count = int(random.poisson(orders_per_day / traders * day.minutes / MINUTES_A_DAY))
    minutes = random.choice(day.minutes, size=count, p=_intraday(day.minutes))
    # The last microsecond of a minute belongs to its clock, the first of the day to the opening.
    times = np.sort(day.open + minutes * MINUTE + random.integers(1, MINUTE - 1, size=count))
    quantities = 1 + random.poisson(profile.quantity * random.random(count) * 2)
    return [
        Action(time, trader.trader_id, symbols[symbol], noise, margin, style, quantity)
        for time, symbol, noise, margin, style, quantity in zip(
            times.tolist(),
            random.integers(len(symbols), size=count).tolist(),
            random.standard_normal(count).tolist(),
            random.random(count).tolist(),
            random.random(count).tolist(),
            quantities.tolist(),
            strict=True,
        )
    ]


def _intraday(minutes: int) -> Floats:
    x = (np.arange(minutes) + 0.5) * (2.0 / minutes) - 1.0
    weights = 1.0 + U_SHAPE * x * x
    shares: Floats = weights / np.cumsum(weights)[-1]
    return shares


def valuation(action: Action, profile: Profile, value: int, view: View) -> float:
    """What the trader holds a share to be worth, in 1/10,000 dollar."""
    fair = value + profile.anchor * (view.last - value) + profile.reaction * (view.last - view.trend)
    return fair * (1.0 + profile.noise * action.noise)


def decide(action: Action, profile: Profile, side: Side, worth: float, view: View) -> Wish:
    """The order for a trader who holds a share to be `worth` so much; never at a worse price than that."""
    tick = view.tick
    best = view.ask if side == "buy" else view.bid
    if best is not None and (best <= worth if side == "buy" else best >= worth):
        if action.style < profile.market_orders:
            return Wish(side, None, action.quantity)
        return Wish(side, best, action.quantity)
    gain = worth * profile.margin * action.margin
    price = int((worth - gain) // tick) * tick if side == "buy" else -int(-(worth + gain) // tick) * tick
    price = min(max(price, view.lower), view.upper)
    return Wish(side, price, action.quantity)


def stale(age: int, price: int, side: Side, profile: Profile, worth: float) -> bool:
    """Whether an open order has waited long enough, or promises more than a share is now worth."""
    return age > profile.patience or (price > worth if side == "buy" else price < worth)
