"""A crafted trading day of one symbol: honest traders from a seed, and the scripts of abuses and of their look-alikes.

Everything is carried out by the real book, so that the feed is one that the exchange could have told.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby

from streaming.contracts.codec import MINUTE
from streaming.contracts.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    Clock,
    DefineInstrument,
    NewOrder,
    Session,
    SetSession,
)
from streaming.contracts.events import Side, Trade
from streaming.matching.answers import Message, Teller
from streaming.matching.market import SymbolMarket

SECOND = 1_000_000
TICK = 100
OPEN = 1_767_623_400_000_000  # 2026-01-05 14:30 UTC
MINUTES = 390
MAKERS = (1900, 1901)
OTHER: dict[Side, Side] = {"buy": "sell", "sell": "buy"}


@dataclass
class Day:
    """One symbol's day. A script acts by `order` and `cancel`, and yields how many microseconds it waits then."""

    symbol: str
    seed: int
    open: int = OPEN
    price: int = 1_000_000
    commands: list[AnyCommand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.seed} {self.symbol}")
        self.market = SymbolMarket(self.symbol)
        self.value = float(self.price)
        self.now = self.open
        self.position: dict[int, int] = {}
        self._ids = count(self.random.randrange(10**6) * 10**4 + 1)
        self._agenda: list[tuple[int, int, Iterator[int]]] = []
        self._turns = count()
        self._send(self._instrument())
        self._send(self._session("continuous", self.open))
        self.start(self.open + 1, self._value())
        for trader in range(1100, 1190):
            self.start(self.open + self.random.randrange(1, 40 * MINUTE), self._ordinary(trader))
        for number in MAKERS:
            self.start(self.open + 2 + number, maker(self, number, quantity=60, pause=60.0))

    def start(self, at: int, script: Iterator[int]) -> None:
        """Let a script begin at a time."""
        heapq.heappush(self._agenda, (at, next(self._turns), script))

    def run(self) -> list[AnyCommand]:
        """Trade to the close; the commands, in order."""
        close = self.open + MINUTES * MINUTE
        minute = self.open
        while self._agenda and self._agenda[0][0] < close:
            at, turn, script = heapq.heappop(self._agenda)
            while at >= minute + MINUTE:
                minute += MINUTE
                self._send(Clock(symbol=self.symbol, event_time=minute - 1))
            self.now = max(at, self.now)
            wait = next(script, None)
            if wait is not None:
                heapq.heappush(self._agenda, (self.now + max(wait, 1), turn, script))
        self._send(self._session("closed", close))
        self._send(Clock(symbol=self.symbol, event_time=close + 5 * MINUTE))
        return self.commands

    def order(self, trader: int, side: Side, quantity: int, price: int | None = None, force: str = "day") -> int:
        """Send a limit order, or without a price a market order; its id."""
        number = next(self._ids)
        self._send(
            NewOrder(
                order_id=number,
                trader_id=trader,
                symbol=self.symbol,
                side=side,
                order_type="market" if price is None else "limit",
                time_in_force=force,
                price=price,
                quantity=quantity,
                event_time=self.now,
            )
        )
        return number

    def cancel(self, trader: int, order: int) -> None:
        """Take an order off, if it still stands."""
        self._send(CancelOrder(order_id=order, trader_id=trader, symbol=self.symbol, event_time=self.now))

    def cancel_all(self, trader: int) -> None:
        """Take all of a trader's orders off."""
        self._send(CancelAll(trader_id=trader, symbol=self.symbol, event_time=self.now))

    def best(self, side: Side) -> int:
        """The best price of a side, or where it would be."""
        quote = self.market.price()
        found = quote.bid_price if side == "buy" else quote.ask_price
        return found or self.near(self.value, side)

    def near(self, price: float, side: Side) -> int:
        """A price on the tick, not better than that for a side."""
        return int(price // TICK) * TICK if side == "buy" else -int(-price // TICK) * TICK

    def _send(self, command: AnyCommand) -> None:
        self.commands.append(command)
        for event in self.market.apply(command):
            if isinstance(event, Trade):
                for trader, sign in ((event.buyer_id, 1), (event.seller_id, -1)):
                    self.position[trader] = self.position.get(trader, 0) + sign * event.quantity

    def _instrument(self) -> DefineInstrument:
        return DefineInstrument(
            symbol=self.symbol, tick_size=TICK, lot_size=1, max_quantity=10**6, collar_bps=2_000,
            event_time=self.open - MINUTE,
        )  # fmt: skip

    def _session(self, session: Session, at: int) -> SetSession:
        return SetSession(
            symbol=self.symbol, session=session, trading_date="2026-01-05", reference_price=self.price, event_time=at
        )

    def _value(self) -> Iterator[int]:
        """What a share is worth: moves by five basis points a minute."""
        while True:
            self.value *= 1 + self.random.gauss(0, 5e-4)
            yield MINUTE

    def _ordinary(self, trader: int) -> Iterator[int]:
        """Takes what is cheap, or waits behind the best price for some minutes."""
        while True:
            side: Side = self.random.choice(("buy", "sell"))
            quantity = max(1, int(11 * self.random.paretovariate(2.0)))
            if self.random.random() < 0.35:
                self.order(trader, side, quantity)
            else:
                behind = self.value * 3e-4 * self.random.paretovariate(1.6)
                price = self.near(self.value + (-behind if side == "buy" else behind), side)
                order = self.order(trader, side, quantity, price)
                yield int(self.random.expovariate(1) * 8 * MINUTE)
                self.cancel(trader, order)
            yield int(self.random.expovariate(1) * 35 * MINUTE)


def maker(day: Day, trader: int, quantity: int, pause: float, until: int | None = None) -> Iterator[int]:
    """Quotes both sides around the value, leans against its inventory, and requotes all the time."""
    orders: list[int] = []
    while until is None or day.now < until:
        for order in orders:
            day.cancel(trader, order)
        fair = day.value * (1 - 3.5e-5 * day.position.get(trader, 0) / quantity)
        half = fair * 2.5e-4 * day.random.uniform(0.9, 1.2)
        bid, ask = day.near(fair - half, "buy"), day.near(fair + half, "sell")
        size = max(1, int(quantity * day.random.uniform(0.6, 1.4)))
        orders = [day.order(trader, "buy", size, bid), day.order(trader, "sell", size, ask)]
        yield int(day.random.expovariate(1) * pause * SECOND)
    for order in orders:
        day.cancel(trader, order)


def spoofing(day: Day, trader: int, side: Side, cycles: int = 5, orders: int = 2, quantity: int = 250) -> Iterator[int]:
    """Large orders on `side`, a small one on the other fills against it, the large ones are taken off; again."""
    for _ in range(cycles):
        best = day.best(side)
        baits = []
        for level in range(orders):
            away = -level * TICK if side == "buy" else level * TICK
            baits.append(day.order(trader, side, quantity + day.random.randrange(40), best + away - away_from(side)))
            yield SECOND // 2
        genuine = day.order(trader, OTHER[side], 10, day.best(side))
        yield 4 * SECOND
        for bait in baits:
            day.cancel(trader, bait)
            yield SECOND // 5
        day.cancel(trader, genuine)
        yield int(day.random.uniform(20, 70) * SECOND)


def away_from(side: Side) -> int:
    """A tick behind the best price, where nothing trades at once."""
    return TICK if side == "buy" else -TICK


def wash_trading(day: Day, one: int, two: int, times: int = 6, quantity: int = 40) -> Iterator[int]:
    """Sells to itself at a price within the spread, and back."""
    for number in range(times):
        seller, buyer = (one, two) if number % 2 == 0 else (two, one)
        while day.best("sell") - day.best("buy") < 2 * TICK:
            yield SECOND
        price = day.best("sell") - TICK
        day.order(seller, "sell", quantity, price)
        yield SECOND // 10
        day.order(buyer, "buy", quantity, price, "ioc")
        yield int(day.random.uniform(20, 90) * SECOND)


def quote_stuffing(day: Day, trader: int, pairs: int = 80, bursts: int = 2) -> Iterator[int]:
    """Orders far from the best price, each taken off at once."""
    for _ in range(bursts):
        for _ in range(pairs):
            side: Side = day.random.choice(("buy", "sell"))
            away = day.random.randrange(5, 20) * TICK
            order = day.order(trader, side, 5, day.best(side) + (-away if side == "buy" else away))
            yield SECOND // 40
            day.cancel(trader, order)
            yield SECOND // 40
        yield 30 * SECOND


def position(day: Day, trader: int, side: Side, quantity: int, parts: int, over: int) -> Iterator[int]:
    """Built quietly: small orders at the best price of the other side."""
    for _ in range(parts):
        day.order(trader, side, quantity // parts, day.best(OTHER[side]), "ioc")
        yield int(over / parts * day.random.uniform(0.7, 1.3))


def push(day: Day, trader: int, side: Side, times: int, quantity: int, over: int) -> Iterator[int]:
    """One aggressive order after the other; the others follow."""
    for _ in range(times):
        day.order(trader, side, quantity)
        day.value *= 1 + (6e-4 if side == "buy" else -6e-4) * 10 / times
        yield over // times


def unwind(day: Day, trader: int, parts: int, over: int) -> Iterator[int]:
    """Whatever is held goes back."""
    for part in range(parts, 0, -1):
        held = day.position.get(trader, 0)
        if held:
            day.order(trader, "sell" if held > 0 else "buy", -(-abs(held) // part))
        yield over // parts


def momentum_ignition(day: Day, trader: int, side: Side = "buy") -> Iterator[int]:
    """A position in ten minutes, a run of two, and out in five."""
    yield from position(day, trader, side, 80, 4, 10 * MINUTE)
    yield from push(day, trader, side, 10, 130, 100 * SECOND)
    yield from unwind(day, trader, 8, 5 * MINUTE)


def pump_and_dump(day: Day, trader: int) -> Iterator[int]:
    """Buys for 80 minutes, lifts the price in ten, sells all in fifteen."""
    yield from position(day, trader, "buy", 240, 16, 80 * MINUTE)
    yield from push(day, trader, "buy", 20, 110, 10 * MINUTE)
    yield from unwind(day, trader, 14, 15 * MINUTE)


def sweep(day: Day, trader: int) -> Iterator[int]:
    """An institution takes all it can get at once, and keeps it."""
    day.order(trader, "buy", 350)
    yield 30 * SECOND
    day.order(trader, "buy", 150)
    yield 1


def worker(day: Day, trader: int, parts: int = 130) -> Iterator[int]:
    """An institution works a large order all day long."""
    for _ in range(parts):
        day.order(trader, "buy", 22)
        yield 3 * MINUTE


def news(day: Day, trader: int) -> Iterator[int]:
    """Five bids that stand, and are taken off at once when the news comes."""
    for level in range(5):
        day.order(trader, "buy", 120, day.best("buy") - (level + 2) * TICK)
        yield SECOND
    yield 25 * SECOND
    day.order(trader, "sell", 10)
    day.cancel_all(trader)
    yield 1


def messages(symbol: str, commands: Sequence[AnyCommand]) -> Iterator[Message]:
    """What the exchange answers, where a gateway sends the commands of a minute together."""
    teller = Teller(SymbolMarket(symbol))
    for _, together in groupby(commands, key=lambda command: command.event_time // MINUTE):
        yield from teller.answer(list(together))
