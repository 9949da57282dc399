"""One list of orders, sorted anew whenever it is asked, and what happens to an order."""

from __future__ import annotations

from typing import Any

from streaming.contracts.commands import DefineInstrument
from streaming.contracts.events import BookEvent, Cancelled, Expired, Trade
from tests.reference.order import Order, priority


class Book:
    """The orders of a market and the events of a command."""

    def __init__(self, symbol: str, *, bare: bool) -> None:
        self.symbol, self.bare = symbol, bare
        self.rules: DefineInstrument | None = None
        self.session = "continuous" if bare else "closed"
        self.date = ""
        self.halted = self.paused = False
        self.orders: list[Order] = []
        self.events: list[BookEvent] = []
        self.sequence = self.now = self.volume = self.places = 0
        self.last_price: int | None = None
        self.reference: int | None = None
        self.collar: tuple[int, int] | None = None
        self.traded: list[int] = []
        """The prices of the trades since the last settling."""
        self.recent: list[tuple[int, int]] = []
        """Second and price of the trades since the price bands began."""

    @property
    def tick(self) -> int:
        return self.rules.tick_size if self.rules else 100

    @property
    def matches(self) -> bool:
        return self.session == "continuous" and not self.halted and not self.paused

    @property
    def gathers(self) -> bool:
        return self.session != "closed" and not self.matches

    def emit(self, kind: type[Any], /, **fields: Any) -> None:
        self.sequence += 1
        self.events.append(kind(sequence=self.sequence, symbol=self.symbol, event_time=self.now, **fields))

    def at(self, *where: str) -> list[Order]:
        """The orders that stand or wait there, by place."""
        return sorted((order for order in self.orders if order.where in where), key=lambda order: order.place)

    def accepted(self) -> list[Order]:
        """All orders, the oldest first, as mass removals take them."""
        return sorted(self.orders, key=lambda order: order.acceptance)

    def side(self, side: str) -> list[Order]:
        """The orders on one side of the book, the best first."""
        return sorted((order for order in self.at("book") if order.side == side), key=priority)

    def other_side(self, order: Order) -> list[Order]:
        return self.side("sell" if order.side == "buy" else "buy")

    def put(self, order: Order, where: str) -> None:
        """The order gets a place behind all others; an iceberg shows its display quantity anew."""
        self.places += 1
        order.where, order.place = where, self.places
        order.show_anew()
        if order not in self.orders:
            self.orders.append(order)

    def remove(self, order: Order) -> None:
        if order in self.orders:
            self.orders.remove(order)

    def cancel(self, order: Order, reason: str) -> None:
        """What is left of the order is taken off."""
        self.remove(order)
        self.emit(Cancelled, **order.name, quantity=order.left, reason=reason)

    def expire(self, order: Order) -> None:
        self.remove(order)
        self.emit(Expired, **order.name, quantity=order.left)

    def trade(self, buy: Order, sell: Order, price: int, shares: int, **roles: Any) -> None:
        """One trade is printed and both orders are filled that far; what they show is left to the caller."""
        self.emit(
            Trade,
            trade_id=f"{self.symbol}-{self.sequence + 1}",
            price=price,
            quantity=shares,
            buyer_id=buy.trader_id,
            seller_id=sell.trader_id,
            **roles,
        )
        for order in (buy, sell):
            order.filled += shares
            if order.left == 0:
                self.remove(order)
        self.last_price = price
        self.volume += shares
        self.traded.append(price)
        self.recent.append((self.now // 1_000_000, price))
