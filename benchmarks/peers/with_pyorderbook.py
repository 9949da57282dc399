"""pyorderbook: a heap of price levels, each a dictionary of orders by UUID."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pyorderbook import Book, Order, Trade, ask, bid

from peers.stream import ADD, CANCEL, Event, Fill

SYMBOL = "ACME"
Work = tuple[int, Order]
logging.getLogger("pyorderbook").setLevel(logging.CRITICAL)  # it writes a line for each cancel that comes too late


class Peer:
    """A market order is a limit order at a price that always crosses, and what it leaves is cancelled at once."""

    def __init__(self) -> None:
        self.book = Book()
        self.orders: dict[int, Order] = {}

    def translate(self, stream: Iterable[Event]) -> list[Work]:
        """Orders get a UUID of their own, and a cancel takes the order."""
        work = []
        for event in stream:
            if event.kind == CANCEL:
                order = self.orders[event.order_id]
            elif event.kind == ADD:
                order = (bid if event.buy else ask)(SYMBOL, event.price, event.quantity)
                self.orders[event.order_id] = order
            else:
                order = (bid if event.buy else ask)(SYMBOL, 10**9 if event.buy else 0, event.quantity)
            work.append((event.kind, order))
        return work

    def run(self, work: list[Work]) -> None:
        """Each match returns a blotter."""
        for kind, order in work:
            self._carry_out(kind, order)

    def fills(self, work: list[Work]) -> list[Fill]:
        """From the blotters."""
        return [
            (int(trade.fill_price), trade.fill_quantity)
            for kind, order in work
            for trade in self._carry_out(kind, order)
        ]

    def _carry_out(self, kind: int, order: Order) -> list[Trade]:
        if kind == CANCEL:
            try:  # noqa: SIM105  # `suppress` would be timed
                self.book.cancel(order)
            except KeyError:
                pass  # gone
            return []
        trades = self.book.match(order).trades
        if kind != ADD and order.quantity:
            self.book.cancel(order)
        return trades
