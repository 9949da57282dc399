"""bourse: the order book in Rust of a simulation library."""

from __future__ import annotations

from collections.abc import Iterable

from bourse.core import OrderBook

from peers.stream import ADD, CANCEL, Event, Fill

Work = tuple[bool, int, bool, int, int, int | None]


class Peer:
    """It numbers orders from 0 by itself, as the stream does from 1."""

    def __init__(self) -> None:
        self.book = OrderBook(0, 1)

    def translate(self, stream: Iterable[Event]) -> list[Work]:
        """Market orders have no price."""
        return [
            (
                e.kind == CANCEL,
                e.order_id - 1 if e.kind == CANCEL else e.order_id,
                e.buy,
                e.quantity,
                e.trader_id,
                e.price if e.kind == ADD else None,
            )
            for e in stream
        ]

    def run(self, work: list[Work]) -> None:
        """It tells nothing of trades until asked for all of them at once, which is part of the work.

        Time has to move with each order: of two orders of one price and time the book forgets the first.
        """
        place, cancel, set_time = self.book.place_order, self.book.cancel_order, self.book.set_time
        for is_cancel, number, buy, quantity, trader_id, price in work:
            if is_cancel:
                cancel(number)
            else:
                set_time(number)
                place(buy, quantity, trader_id, price)
        self.book.get_trades()

    def fills(self, work: list[Work]) -> list[Fill]:
        """From the list of trades at the end."""
        self.run(work)
        return [(trade[2], trade[3]) for trade in self.book.get_trades()]
